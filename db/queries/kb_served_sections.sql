-- Sections of the documents that chunks and sections are added to.
SELECT s.doc_id, s.idx, s.section_id
  FROM pmoves_kb.sections s
  JOIN pg_temp.kb_revision r ON r.doc_id = s.doc_id
 WHERE r.target = 'next' AND r.adds
