-- kb_decide
-- What becomes of each document: pg_temp.kb_revision. Their rows are locked by now (kb_lock).
--   :'batch'  batch_id
--   :'gate'   its gate
--   :'sinks'  text[] of the sinks that want kb.index.completed.v1
UPDATE pg_temp.kb_document d
   SET problem = 'the document is retired: send its document first'
  FROM (SELECT DISTINCT ON (l.doc_id) l.doc_id, l.n, l.is_retired
          FROM pg_temp.kb_document l
         WHERE l.is_head AND l.problem IS NULL
         ORDER BY l.doc_id, l.n DESC) h
 WHERE h.doc_id = d.doc_id AND h.is_retired AND d.n > h.n AND d.problem IS NULL;

INSERT INTO pg_temp.kb_revision (doc_id, first, adds, retires, title, meta, digest, chunks, vectors)
SELECT d.doc_id, min(d.n), h.n IS NULL, coalesce(h.is_retired, false), h.title, h.meta,
       CASE WHEN count(*) = 1 THEN min(d.digest::text)::bytea ELSE sha256(string_agg(d.digest, '' ORDER BY d.n)) END,
       sum(d.chunks), sum(d.vectors)
  FROM pg_temp.kb_document d
  LEFT JOIN LATERAL (
        SELECT DISTINCT ON (l.doc_id) l.*
          FROM pg_temp.kb_document l
         WHERE l.doc_id = d.doc_id AND l.is_head AND l.problem IS NULL
         ORDER BY l.doc_id, l.n DESC) h ON true
 WHERE d.doc_id IS NOT NULL AND d.problem IS NULL AND (h.n IS NULL OR d.n >= h.n)
 GROUP BY d.doc_id, h.n, h.is_retired, h.title, h.meta;
ANALYZE pg_temp.kb_revision;

UPDATE pg_temp.kb_revision r
   SET waits = w.doc_id IS NOT NULL,
       revision = coalesce(w.revision, t.revision + 1),
       target = CASE
           -- Batches of a gate may overtake each other; the one that was claimed last has the last word (their ids are
           -- of version 7).
           WHEN NOT r.adds AND greatest(t.head_batch_id, w.head_batch_id) > :'batch' THEN 'same'
           WHEN NOT r.adds AND w.sha256 = r.digest THEN 'same'
           WHEN w.doc_id IS NULL AND r.retires AND t.status = 'retired' THEN 'same'
           WHEN w.doc_id IS NULL AND r.adds AND t.status = 'retired' THEN 'gone'
           WHEN NOT r.adds AND NOT r.retires AND t.status IN ('complete', 'partial') AND t.sha256 = r.digest
                THEN CASE WHEN w.doc_id IS NULL THEN 'same' ELSE 'back' END
           WHEN r.retires AND t.status = 'retired' THEN 'back'
           WHEN w.doc_id IS NULL AND NOT r.adds AND NOT r.retires AND t.status = 'pending' AND r.vectors = r.chunks
                THEN 'served'
           ELSE 'next'
       END
  FROM pmoves_kb.documents t
  LEFT JOIN pmoves_kb.documents_next w ON w.doc_id = t.doc_id
 WHERE t.doc_id = r.doc_id;

UPDATE pg_temp.kb_document d
   SET problem = 'the document is retired: send its document first'
  FROM pg_temp.kb_revision r
 WHERE r.doc_id = d.doc_id AND r.target = 'gone' AND d.problem IS NULL;

-- Vectors that chunks of a waiting revision have got already go over to the one that takes its place.
CREATE TEMPORARY TABLE kb_vector ON COMMIT DROP AS
SELECT c.doc_id, c.chunk_id, c.created_at, c.idx, c.sha256, c.model, c.embedding
  FROM pmoves_kb.chunks_next c
  JOIN pg_temp.kb_revision r ON r.doc_id = c.doc_id
 WHERE r.target = 'next' AND r.waits AND NOT r.adds AND c.embedding_status = 'complete';

DELETE FROM pmoves_kb.documents_next n
 USING pg_temp.kb_revision r
 WHERE r.doc_id = n.doc_id
   AND (r.target = 'back' OR r.target = 'next' AND NOT r.adds);

INSERT INTO pmoves_kb.documents_next AS n
       (doc_id, revision, adds, retires, title, meta, sha256, batch_id, head_batch_id, gate, sinks)
SELECT doc_id, revision, adds, retires, title, meta, CASE WHEN NOT adds THEN digest END, :'batch',
       CASE WHEN NOT adds THEN :'batch'::uuid END, :'gate', :'sinks'::text[]
  FROM pg_temp.kb_revision
 WHERE target = 'next'
 ORDER BY doc_id
    ON CONFLICT (doc_id) DO UPDATE
   SET sha256 = NULL, batch_id = excluded.batch_id, gate = excluded.gate,
       sinks = ARRAY(SELECT DISTINCT unnest(n.sinks || excluded.sinks));

UPDATE pmoves_kb.documents t
   SET revision = r.revision, sha256 = r.digest, status = 'complete', title = r.title, meta = coalesce(r.meta, '{}'),
       updated_at = now(), batch_id = :'batch', head_batch_id = :'batch'
  FROM pg_temp.kb_revision r
 WHERE r.doc_id = t.doc_id AND r.target = 'served';

UPDATE pmoves_kb.documents t
   SET head_batch_id = :'batch'
  FROM pg_temp.kb_revision r
 WHERE r.doc_id = t.doc_id AND r.target = 'back';

-- Many chunks that are served at once: the text indexes take them together (kb_settle), which costs them a third less
-- than every 4 MB would.
SELECT set_config('gin_pending_list_limit', '64MB', true), set_config('work_mem', '64MB', true)
  FROM pg_temp.kb_revision
 WHERE target = 'served'
HAVING sum(chunks) >= 1000
