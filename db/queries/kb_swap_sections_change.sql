-- Sections that stay, under the same place.
--   $1 uuid[] of documents
UPDATE pmoves_kb.sections s
   SET heading = x.heading, meta = x.meta
  FROM pmoves_kb.sections_next x
  JOIN pmoves_kb.documents_next n USING (doc_id)
 WHERE x.doc_id = ANY ($1::uuid[])
   AND s.doc_id = x.doc_id
   AND CASE WHEN n.adds THEN s.idx = x.idx ELSE s.section_id = x.section_id END
   AND (s.heading, s.meta) IS DISTINCT FROM (x.heading, x.meta)
