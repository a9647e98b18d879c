-- A worker's session: what it waits for, and where its vectors go first. The type is the column's.
LISTEN embed_updates;
CREATE TEMPORARY TABLE embed_result ON COMMIT DELETE ROWS AS
SELECT chunk_id, embedding
  FROM pmoves_kb.chunks_next
  WITH NO DATA;
