-- Embedders that were stopped or paused go on. Rows: which.
--   $1 embedder; NULL: all
WITH resumed AS (
    UPDATE pmoves_kb.embedder
       SET stopped_at = NULL, not_before = NULL, failures = 0
     WHERE ($1::text IS NULL OR embedder = $1::text)
       AND (stopped_at IS NOT NULL OR not_before > now())
 RETURNING embedder)
SELECT embedder, pg_notify('embed_updates', '')
  FROM resumed
 ORDER BY embedder
