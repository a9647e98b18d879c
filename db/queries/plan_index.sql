-- Is there an index that does? One of the same method that is whole (valid, no WHERE, no expressions) and on the same
-- columns; for a unique one their order doesn't matter. And what bears the name that ours would have?
--   $1 oid       the table
--   $2 text      method
--   $3 boolean   unique
--   $4 text[]    columns
--   $5 text      our name for it
WITH present AS (
    SELECT c.relname AS name, a.amname AS method, i.indisvalid AS is_valid,
           i.indisunique AND i.indimmediate AS is_unique,
           i.indpred IS NULL AND i.indexprs IS NULL AS is_plain,
           ARRAY(SELECT at.attname::text
                   FROM unnest(i.indkey::smallint[]) WITH ORDINALITY AS key (attnum, place)
                   LEFT JOIN pg_attribute at ON at.attrelid = i.indrelid AND at.attnum = key.attnum
                  WHERE key.place <= i.indnkeyatts
                  ORDER BY key.place) AS columns
      FROM pg_index i
      JOIN pg_class c ON c.oid = i.indexrelid
      JOIN pg_am a ON a.oid = c.relam
     WHERE i.indrelid = $1::oid
)
SELECT EXISTS (SELECT FROM present
                WHERE is_valid
                  AND is_plain
                  AND method = $2::text
                  AND (is_unique OR NOT $3::boolean)
                  AND (columns = $4::text[]
                       OR $3::boolean
                      AND cardinality(columns) = cardinality($4::text[])
                      AND columns @> $4::text[])) AS is_there,
       EXISTS (SELECT FROM present
                WHERE name = $5::text
                  AND NOT is_valid) AS is_unfinished,
       EXISTS (SELECT FROM pg_class c
                 JOIN pg_class t ON t.relnamespace = c.relnamespace
                WHERE t.oid = $1::oid
                  AND c.relname = $5::text) AS is_taken
