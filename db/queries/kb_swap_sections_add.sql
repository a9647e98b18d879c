-- New sections.
--   $1 uuid[] of documents
INSERT INTO pmoves_kb.sections (section_id, doc_id, idx, heading, meta)
SELECT x.section_id, x.doc_id, x.idx, x.heading, x.meta
  FROM pmoves_kb.sections_next x
  JOIN pmoves_kb.documents_next n USING (doc_id)
 WHERE x.doc_id = ANY ($1::uuid[])
   AND NOT EXISTS (SELECT
                     FROM pmoves_kb.sections s
                    WHERE s.doc_id = x.doc_id
                      AND CASE WHEN n.adds THEN s.idx = x.idx ELSE s.section_id = x.section_id END)
