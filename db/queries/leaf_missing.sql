-- Which of the wanted partitions are not attached yet?
--   $1 text      the parent table, quoted
--   $2 text[]    leaf names, quoted
SELECT wanted.leaf
  FROM unnest($2::text[]) AS wanted (leaf)
 WHERE NOT EXISTS (
           SELECT FROM pg_inherits
            WHERE inhparent = to_regclass($1)
              AND inhrelid = to_regclass(wanted.leaf))
