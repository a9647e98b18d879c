-- A worker's session: what it waits for, plans that go by index, and where its vectors go first. Its statements touch a few
-- hundred rows by their keys, of tables that may have grown a thousandfold since anybody counted them. The type is the
-- column's. A worker that stands still in the midst of a settlement lets go of its documents: others, and batches, wait
-- for them.
SET idle_in_transaction_session_timeout = '30s';
LISTEN embed_updates;
SET jit = off;
SET enable_seqscan = off;
SET enable_bitmapscan = off;
SET enable_hashjoin = off;
SET enable_mergejoin = off;
CREATE TEMPORARY TABLE embed_result ON COMMIT DELETE ROWS AS
SELECT chunk_id, embedding
  FROM pmoves_kb.chunks_next
  WITH NO DATA;
