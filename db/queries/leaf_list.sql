-- The partitions of a table, the oldest first, with what tells ours from others. Bounds that are not
-- two instants (the default partition's, MINVALUE) are NULL.
--   $1 oid of the table, which is partitioned by one column, a timestamptz or a date
SELECT c.oid, c.relname,
       c.relkind = 'r' AND c.relnamespace = parent.relnamespace AS is_table,
       i.inhdetachpending, obj_description(c.oid, 'pg_class') AS mark,
       bounds[1]::timestamptz AS since, bounds[2]::timestamptz AS until
  FROM pg_inherits i
  JOIN pg_class c ON c.oid = i.inhrelid
  JOIN pg_class parent ON parent.oid = i.inhparent
  LEFT JOIN LATERAL regexp_match(pg_get_expr(c.relpartbound, c.oid),
                                 '^FOR VALUES FROM \((?:MINVALUE|''([^'']+)'')\) TO \(''([^'']+)''\)$') AS bounds
       ON true
 WHERE i.inhparent = $1::oid
 ORDER BY until, c.relname
