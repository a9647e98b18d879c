-- How far the partitions of streams' tables reach, as JSON; from the catalogue alone. Those whose bounds aren't two instants
-- (the default partition's, MAXVALUE) and those that are being detached don't count.
--   $1 [{"stream", "name", "label", "ahead"}]: name is the table, quoted, label what people call it
WITH stream AS (
    SELECT * FROM json_to_recordset($1::json) AS s(stream text, name text, label text, ahead integer)
), leaf AS (
    SELECT s.stream, coalesce(bounds[1]::timestamptz, '-infinity') AS since, bounds[2]::timestamptz AS until
      FROM stream s
      JOIN pg_inherits i ON i.inhparent = to_regclass(s.name) AND NOT i.inhdetachpending
      JOIN pg_class c ON c.oid = i.inhrelid
     CROSS JOIN LATERAL regexp_match(pg_get_expr(c.relpartbound, c.oid),
                                     '^FOR VALUES FROM \((?:MINVALUE|''([^'']+)'')\) TO \(''([^'']+)''\)$') AS bounds
     WHERE bounds IS NOT NULL
), edge AS (
    SELECT *, since IS DISTINCT FROM lag(until) OVER (PARTITION BY stream ORDER BY since) AS is_start
      FROM leaf
), numbered AS (
    SELECT *, count(*) FILTER (WHERE is_start) OVER (PARTITION BY stream ORDER BY since) AS run
      FROM edge
), run AS (
    SELECT stream, count(*) AS leaves, min(since) AS since, max(until) AS until
      FROM numbered
     GROUP BY stream, run
)
SELECT json_build_object('stream', s.stream, 'table', s.label, 'count', coalesce(sum(r.leaves), 0),
                         'first_at', nullif(min(r.since), '-infinity'),
                         'ahead', s.ahead, 'ahead_until', max(r.until) FILTER (WHERE r.since <= now() AND r.until > now()))
  FROM stream s
  LEFT JOIN run r USING (stream)
 GROUP BY s.stream, s.label, s.ahead
 ORDER BY s.stream COLLATE "C"
