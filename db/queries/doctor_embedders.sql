-- Embedders that stopped, with their last error.
SELECT embedder, to_char(stopped_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"'), coalesce(left(error, 300), '')
  FROM pmoves_kb.embedder
 WHERE stopped_at IS NOT NULL
 ORDER BY embedder
