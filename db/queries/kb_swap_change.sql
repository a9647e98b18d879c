-- Chunks that stay, as far as anything of them is another: one that isn't written costs no index an entry. Vectors are
-- compared as real[]: the operators of pgvector's types may be in a schema that isn't searched.
--   $1 uuid[] of documents
UPDATE pmoves_kb.chunks c
   SET section_id = x.section_id, pack_id = x.pack_id, text = x.text, tokens = x.tokens, idx = x.idx,
       "window" = x."window", overlap = x.overlap, md = x.md, embedding_status = x.embedding_status,
       sha256 = x.sha256, model = x.model, error = x.error, embedding = x.embedding
  FROM pmoves_kb.chunks_next x
 WHERE x.doc_id = ANY ($1::uuid[])
   AND c.chunk_id = x.chunk_id
   AND c.doc_id = x.doc_id
   AND (c.section_id, c.pack_id, c.text, c.tokens, c.idx, c."window", c.overlap, c.md, c.embedding_status,
        c.sha256, c.model, c.error, c.embedding::real[])
       IS DISTINCT FROM
       (x.section_id, x.pack_id, x.text, x.tokens, x.idx, x."window", x.overlap, x.md, x.embedding_status,
        x.sha256, x.model, x.error, x.embedding::real[])
