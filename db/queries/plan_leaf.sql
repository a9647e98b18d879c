-- A partition that holds something else than one period, in UTC.
--   $1 oid     the partitioned table
--   $2 text    hour, day, week, month, year
SELECT c.relname, bound
  FROM pg_inherits i
  JOIN pg_class c ON c.oid = i.inhrelid,
       LATERAL (SELECT pg_get_expr(c.relpartbound, c.oid)) AS e (bound),
       LATERAL (SELECT regexp_match(bound, 'FROM \(''([^'']+)''\) TO \(''([^'']+)''\)')) AS m (ends)
 WHERE i.inhparent = $1::oid
   AND (ends IS NULL
        OR ends[1]::timestamptz <> date_trunc($2::text, ends[1]::timestamptz)
        OR ends[2]::timestamptz <> ends[1]::timestamptz + ('1 ' || $2::text)::interval)
 ORDER BY c.relname
 LIMIT 1
