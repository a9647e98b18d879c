-- Who changes a document's revisions holds these rows, in the order of their ids. First the document's own, since who
-- deletes an asset comes that way.
--   $1 uuid[] of documents
SELECT FROM pmoves_kb.documents WHERE doc_id = ANY ($1::uuid[]) ORDER BY doc_id FOR NO KEY UPDATE
