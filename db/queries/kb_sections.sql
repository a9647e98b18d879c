-- Sections that were copied go where their documents' revisions go; of two with one idx the last counts.
INSERT INTO pmoves_kb.sections (section_id, doc_id, idx, heading, meta)
SELECT DISTINCT ON (s.section_id) s.section_id, s.doc_id, s.idx, s.heading, coalesce(s.meta, '{}')
  FROM pg_temp.kb_section s
  JOIN pg_temp.kb_revision r ON r.doc_id = s.doc_id
 WHERE r.target = 'served'
 ORDER BY s.section_id, s.n DESC
    ON CONFLICT (section_id) DO UPDATE
   SET heading = excluded.heading, meta = excluded.meta;
INSERT INTO pmoves_kb.sections_next (section_id, doc_id, idx, heading, meta)
SELECT DISTINCT ON (s.section_id) s.section_id, s.doc_id, s.idx, s.heading, coalesce(s.meta, '{}')
  FROM pg_temp.kb_section s
  JOIN pg_temp.kb_revision r ON r.doc_id = s.doc_id
 WHERE r.target = 'next'
 ORDER BY s.section_id, s.n DESC
    ON CONFLICT (section_id) DO UPDATE
   SET heading = excluded.heading, meta = excluded.meta;
DELETE FROM pg_temp.kb_section
