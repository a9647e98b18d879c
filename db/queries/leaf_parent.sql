-- A partitioned stream's table, as its upkeep has to know it; no row where there is none.
--   $1 table, quoted
--   $2 column that it should be partitioned by
SELECT c.oid,
       coalesce(p.partstrat = 'r' AND p.partnatts = 1 AND key.attname = $2
                    AND key.atttypid IN ('timestamptz'::regtype, 'date'::regtype), false) AS is_by_column,
       coalesce(p.partdefid <> 0, false) AS has_default,
       clock_timestamp()
  FROM pg_class c
  LEFT JOIN pg_partitioned_table p ON p.partrelid = c.oid
  LEFT JOIN pg_attribute key ON key.attrelid = c.oid AND key.attnum = p.partattrs[0]
 WHERE c.oid = to_regclass($1)
