-- kb_settle
-- After the rows of sections and chunks: what is the same as before stays what it was, and the events.
--   :'batch'   batch_id
--   :'gate'    its gate
--   :'docs' :'idxs' :'chunks'  arrays: chunks whose idx may have come before, in order; of each idx the last counts
--   :'derived' :'sections'     arrays: sections that are served under another id than the derived one
--   :'asset_sinks' :'index_sinks'  text[]: who wants kb.ingest.asset.created.v1, kb.index.completed.v1
WITH last AS (
    SELECT DISTINCT ON (doc_id, idx) doc_id, idx, chunk_id
      FROM unnest(:'docs'::uuid[], :'idxs'::integer[], :'chunks'::uuid[]) WITH ORDINALITY AS u (doc_id, idx, chunk_id, nr)
     ORDER BY doc_id, idx, nr DESC),
served AS (
    DELETE FROM pmoves_kb.chunks c
     USING last l
      JOIN pg_temp.kb_revision r ON r.doc_id = l.doc_id AND r.target = 'served'
     WHERE c.doc_id = l.doc_id AND c.idx = l.idx AND c.chunk_id <> l.chunk_id)
DELETE FROM pmoves_kb.chunks_next c
 USING last l
  JOIN pg_temp.kb_revision r ON r.doc_id = l.doc_id AND r.target = 'next'
 WHERE c.doc_id = l.doc_id AND c.idx = l.idx AND c.chunk_id <> l.chunk_id;

UPDATE pmoves_kb.chunks_next c
   SET section_id = m.section_id
  FROM unnest(:'derived'::uuid[], :'sections'::uuid[]) AS m (derived, section_id), pg_temp.kb_revision r
 WHERE r.target = 'next' AND r.adds AND c.doc_id = r.doc_id AND c.section_id = m.derived
   AND NOT EXISTS (SELECT FROM pmoves_kb.sections_next s WHERE s.section_id = c.section_id);

-- What is served holds sections only as long as the revision adds to it.
DO $$
DECLARE
    lost record;
BEGIN
    SELECT c.idx, coalesce(a.uri::text, c.doc_id::text) AS document INTO lost
      FROM pmoves_kb.chunks_next c
      JOIN pg_temp.kb_revision r ON r.doc_id = c.doc_id AND r.target = 'next'
      JOIN pmoves_kb.documents_next n ON n.doc_id = c.doc_id
      JOIN pmoves_kb.documents d ON d.doc_id = c.doc_id
      LEFT JOIN pmoves_core.assets a ON a.asset_id = d.asset_id
     WHERE c.section_id IS NOT NULL
       AND NOT EXISTS (SELECT FROM pmoves_kb.sections_next s WHERE s.section_id = c.section_id)
       AND NOT (n.adds AND EXISTS (SELECT FROM pmoves_kb.sections s WHERE s.section_id = c.section_id))
     LIMIT 1;
    IF FOUND THEN
        RAISE EXCEPTION 'chunk % of % names a section that isn''t there: send the section first', lost.idx, lost.document;
    END IF;
END
$$;

-- A text that was there keeps its id and its vector; equal texts go one to one, in their order.
WITH before AS (
    SELECT c.doc_id, c.chunk_id, c.created_at, c.idx, coalesce(c.sha256, sha256(convert_to(c.text, 'UTF8'))) AS sha256,
           c.model, c.embedding, 0 AS source
      FROM pmoves_kb.chunks c
      JOIN pg_temp.kb_revision r ON r.doc_id = c.doc_id
     WHERE r.target = 'next' AND NOT r.adds AND c.embedding_status = 'complete'
    UNION ALL
    SELECT v.doc_id, v.chunk_id, v.created_at, v.idx, v.sha256, v.model, v.embedding, 1
      FROM pg_temp.kb_vector v
     WHERE NOT EXISTS (SELECT FROM pmoves_kb.chunks c WHERE c.chunk_id = v.chunk_id)),
old AS (
    SELECT b.*, row_number() OVER (PARTITION BY b.doc_id, b.sha256 ORDER BY b.source, b.idx, b.chunk_id) AS nr
      FROM before b
      JOIN pmoves_kb.embedding e ON b.model IS NULL OR e.model IS NULL OR b.model = e.model),
new AS (
    SELECT c.chunk_id, c.doc_id, c.sha256,
           row_number() OVER (PARTITION BY c.doc_id, c.sha256 ORDER BY c.idx, c.chunk_id) AS nr
      FROM pmoves_kb.chunks_next c
      JOIN pg_temp.kb_revision r ON r.doc_id = c.doc_id
     WHERE r.target = 'next' AND NOT r.adds)
UPDATE pmoves_kb.chunks_next c
   SET chunk_id = o.chunk_id,
       created_at = o.created_at,
       model = CASE WHEN c.embedding IS NULL THEN o.model ELSE c.model END,
       embedding = coalesce(c.embedding, o.embedding),
       embedding_status = 'complete'
  FROM new n
  JOIN old o USING (doc_id, sha256, nr)
 WHERE c.chunk_id = n.chunk_id;

-- The same where chunks join others: each stands for the one that has its idx.
UPDATE pmoves_kb.chunks_next c
   SET chunk_id = o.chunk_id,
       created_at = o.created_at,
       model = CASE WHEN c.embedding IS NULL THEN o.model ELSE c.model END,
       embedding = coalesce(c.embedding, o.embedding),
       embedding_status = 'complete'
  FROM pmoves_kb.chunks o
  JOIN pg_temp.kb_revision r ON r.doc_id = o.doc_id
  JOIN pmoves_kb.embedding e ON o.model IS NULL OR e.model IS NULL OR o.model = e.model
 WHERE r.target = 'next' AND r.adds AND o.embedding_status = 'complete'
   AND c.doc_id = o.doc_id AND c.idx = o.idx
   AND c.sha256 = coalesce(o.sha256, sha256(convert_to(o.text, 'UTF8')))
   AND c.chunk_id <> o.chunk_id
   AND NOT EXISTS (SELECT FROM pmoves_kb.chunks_next x WHERE x.chunk_id = o.chunk_id);

-- What is served already, to the letter, needs no revision.
DELETE FROM pmoves_kb.chunks_next c
 USING pmoves_kb.chunks o
  JOIN pg_temp.kb_revision r ON r.doc_id = o.doc_id
 WHERE r.target = 'next' AND r.adds AND NOT r.waits AND o.chunk_id = c.chunk_id
   AND (c.idx, c.section_id, c.pack_id, c.tokens, c."window", c.overlap, c.md, c.embedding::real[], c.embedding_status)
       IS NOT DISTINCT FROM
       (o.idx, o.section_id, o.pack_id, o.tokens, o."window", o.overlap, o.md, o.embedding::real[], o.embedding_status);
DELETE FROM pmoves_kb.sections_next c
 USING pmoves_kb.sections o
  JOIN pg_temp.kb_revision r ON r.doc_id = o.doc_id
 WHERE r.target = 'next' AND r.adds AND NOT r.waits AND o.section_id = c.section_id
   AND (c.idx, c.heading, c.meta) IS NOT DISTINCT FROM (o.idx, o.heading, o.meta);
WITH gone AS (
    DELETE FROM pmoves_kb.documents_next n
     USING pg_temp.kb_revision r
     WHERE r.doc_id = n.doc_id AND r.target = 'next' AND r.adds AND NOT r.waits
       AND NOT EXISTS (SELECT FROM pmoves_kb.chunks_next c WHERE c.doc_id = n.doc_id)
       AND NOT EXISTS (SELECT FROM pmoves_kb.sections_next s WHERE s.doc_id = n.doc_id)
 RETURNING n.doc_id)
UPDATE pg_temp.kb_revision r
   SET target = 'same'
  FROM gone g
 WHERE g.doc_id = r.doc_id;

-- Events. They belong to the batch, and wait for none of its others.
WITH made AS (
    SELECT DISTINCT ON (k.asset_id) pmoves_kb.uuid7() AS event_id,
           json_build_object('event', 'kb.ingest.asset.created.v1', 'asset_id', a.asset_id, 'uri', a.uri, 'type', a.type,
                             'source', a.source, 'meta', a.meta) AS payload
      FROM pg_temp.kb_asset k
      JOIN pmoves_core.assets a ON a.asset_id = k.asset_id
     WHERE k.is_new),
event AS (
    INSERT INTO event_outbox (event_id, event_type, seq, spool_id, batch_id, gate, payload)
    SELECT event_id, 'kb.ingest.asset.created.v1', 1,
           (SELECT spool_id FROM ingestion_manifest WHERE batch_id = :'batch'), :'batch', :'gate', payload
      FROM made
 RETURNING event_id, seq)
INSERT INTO event_delivery (event_id, sink, seq)
SELECT event_id, sink, seq
  FROM event, unnest(:'asset_sinks'::text[]) AS sink;
WITH made AS (
    SELECT pmoves_kb.uuid7() AS event_id,
           json_build_object('event', 'kb.index.completed.v1', 'asset_id', t.asset_id, 'doc_id', t.doc_id,
                             'revision', t.revision, 'status', t.status,
                             'chunks', (SELECT count(*) FROM pmoves_kb.chunks c WHERE c.doc_id = t.doc_id),
                             'failed', 0) AS payload
      FROM pg_temp.kb_revision r
      JOIN pmoves_kb.documents t ON t.doc_id = r.doc_id
     WHERE r.target = 'served'),
event AS (
    INSERT INTO event_outbox (event_id, event_type, seq, spool_id, batch_id, gate, payload)
    SELECT event_id, 'kb.index.completed.v1', 1,
           (SELECT spool_id FROM ingestion_manifest WHERE batch_id = :'batch'), :'batch', :'gate', payload
      FROM made
 RETURNING event_id, seq)
INSERT INTO event_delivery (event_id, sink, seq)
SELECT event_id, sink, seq
  FROM event, unnest(:'index_sinks'::text[]) AS sink;
DROP TABLE pg_temp.kb_vector;

-- What kb_decide let pile up: a search would read all of it.
SELECT count(gin_clean_pending_list(i.indexrelid))
  FROM pg_index i
  JOIN pg_class c ON c.oid = i.indexrelid
  JOIN pg_am m ON m.oid = c.relam
 WHERE i.indrelid = 'pmoves_kb.chunks'::regclass
   AND m.amname = 'gin'
   AND pg_has_role(c.relowner, 'USAGE')
   AND (SELECT sum(chunks) FROM pg_temp.kb_revision WHERE target = 'served') >= 1000
