-- Which of the wanted partitions are not attached yet?
--   $1 text      the parent table
--   $2 text[]    leaf names
SELECT wanted.leaf
  FROM unnest($2::text[]) AS wanted (leaf)
 WHERE NOT EXISTS (
           SELECT FROM pg_inherits
            WHERE inhparent = to_regclass(quote_ident($1))
              AND inhrelid = to_regclass(quote_ident(wanted.leaf)))
