-- After kb_lock_documents: the revisions that wait.
--   $1 uuid[] of documents
SELECT FROM pmoves_kb.documents_next WHERE doc_id = ANY ($1::uuid[]) ORDER BY doc_id FOR UPDATE
