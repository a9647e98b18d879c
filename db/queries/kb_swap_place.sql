-- Where chunks are added, a section of theirs may be served under another id.
--   $1 uuid[] of documents
UPDATE pmoves_kb.chunks_next c
   SET section_id = s.section_id
  FROM pmoves_kb.sections_next x
  JOIN pmoves_kb.documents_next n USING (doc_id)
  JOIN pmoves_kb.sections s ON s.doc_id = x.doc_id AND s.idx = x.idx
 WHERE x.doc_id = ANY ($1::uuid[])
   AND n.adds
   AND c.doc_id = x.doc_id
   AND c.section_id = x.section_id
   AND s.section_id <> x.section_id
