-- A partition that holds something else than one period, in UTC; first those that ours can't be made beside: they hold
-- times of which rows may come. The default partition is never in the way.
--   $1 oid       the partitioned table; its column is a timestamptz or a date
--   $2 text      hour, day, week, month, year
--   $3 bigint    rows come from this instant on: microseconds since 1970
--   $4 bigint    and before this one
SELECT c.relname, bound,
       coalesce(extract(epoch FROM since) * 1000000 < $4::bigint
            AND extract(epoch FROM until) * 1000000 > $3::bigint, false) AS is_in_the_way
  FROM pg_inherits i
  JOIN pg_class c ON c.oid = i.inhrelid,
       LATERAL (SELECT pg_get_expr(c.relpartbound, c.oid)) AS e (bound),
       LATERAL (SELECT regexp_match(bound, 'FROM \((?:MINVALUE|''([^'']+)'')\) TO \((?:MAXVALUE|''([^'']+)'')\)')) AS m (ends),
       LATERAL (SELECT CASE WHEN ends IS NOT NULL THEN coalesce(ends[1]::timestamptz, '-infinity') END,
                       CASE WHEN ends IS NOT NULL THEN coalesce(ends[2]::timestamptz, 'infinity') END) AS t (since, until)
 WHERE i.inhparent = $1::oid
   AND (since IS NULL
        OR since <> date_trunc($2::text, since)
        OR until <> since + ('1 ' || $2::text)::interval)
 ORDER BY is_in_the_way DESC, c.relname
 LIMIT 1
