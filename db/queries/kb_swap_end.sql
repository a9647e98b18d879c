-- What waited has been served; its chunks and sections go with it.
--   $1 uuid[] of documents
DELETE FROM pmoves_kb.documents_next WHERE doc_id = ANY ($1::uuid[])
