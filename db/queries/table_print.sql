-- What a table's columns are, as one value: another one when any of them was changed. NULL: no such table.
--   $1 the table, quoted
SELECT md5(string_agg(concat_ws(':', attnum, attname, atttypid, atttypmod, attnotnull, attgenerated), ',' ORDER BY attnum))
  FROM pg_attribute
 WHERE attrelid = to_regclass($1)
   AND attnum > 0
   AND NOT attisdropped
