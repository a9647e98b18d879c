-- A worker's session: what it waits for, and where its vectors go first. The type is the column's.
-- A worker that stands still in the midst of a settlement lets go of its documents: others, and batches, wait for them.
SET idle_in_transaction_session_timeout = '30s';
LISTEN embed_updates;
CREATE TEMPORARY TABLE embed_result ON COMMIT DELETE ROWS AS
SELECT chunk_id, embedding
  FROM pmoves_kb.chunks_next
  WITH NO DATA;
