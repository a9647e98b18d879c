-- The documents that kb_resolve found, as a uuid[].
SELECT coalesce(array_agg(DISTINCT doc_id), '{}') FROM pg_temp.kb_document WHERE doc_id IS NOT NULL AND problem IS NULL
