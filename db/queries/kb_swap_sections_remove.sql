-- Sections that the revision doesn't have any more; by now no chunk is in them.
--   $1 uuid[] of documents
DELETE FROM pmoves_kb.sections s
 USING pmoves_kb.documents_next n
 WHERE n.doc_id = ANY ($1::uuid[])
   AND NOT n.adds
   AND s.doc_id = n.doc_id
   AND NOT EXISTS (SELECT FROM pmoves_kb.sections_next x WHERE x.section_id = s.section_id)
