-- Takes the segments' keys, all at once and in key order, so that two daemons neither deadlock nor
-- load a segment twice. Comes back with the keys that are ours; the others were loaded before. Of
-- twins in one batch the first wins.
--   $1 batch_id  $2 gate  $3 segments as JSON: [{"key", "name", "bytes", "bytes_raw", "sha256", "frames"}]
INSERT INTO ingestion_segment (dedupe_key, batch_id, gate, name, bytes, bytes_raw, sha256, frames)
SELECT s.key, $1, $2, s.name, s.bytes, s.bytes_raw, s.sha256, s.frames
  FROM ROWS FROM (jsonb_to_recordset($3::jsonb)
                  AS (key text, name text, bytes bigint, bytes_raw bigint, sha256 text, frames bigint))
       WITH ORDINALITY AS s (key, name, bytes, bytes_raw, sha256, frames, nr)
 ORDER BY s.key, s.nr
    ON CONFLICT (dedupe_key) DO NOTHING
RETURNING dedupe_key
