-- Every sink that was ever tried has a row.
--   $1 sinks text[]
INSERT INTO event_sink (sink)
SELECT DISTINCT sink
  FROM unnest($1::text[]) AS sink
 ORDER BY sink
    ON CONFLICT DO NOTHING
