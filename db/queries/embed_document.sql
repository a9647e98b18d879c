-- Is there this document, served, retired, or not whole yet? A row says so.
--   $1 doc_id
SELECT FROM pmoves_kb.documents WHERE doc_id = $1::uuid
 UNION ALL
SELECT FROM pmoves_kb.documents_next WHERE doc_id = $1::uuid
