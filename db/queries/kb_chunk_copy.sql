-- kb_chunk_copy
-- The columns of kb/held.h, in its order.
--   :table  pmoves_kb.chunks or pmoves_kb.chunks_next
COPY :table (chunk_id, doc_id, section_id, pack_id, text, tokens, idx, "window", overlap, md,
             embedding_status, sha256, model, embedding)
FROM STDIN (FORMAT binary)
