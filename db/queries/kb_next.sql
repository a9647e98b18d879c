-- The documents of which a revision waits now, as a uuid[].
SELECT coalesce(array_agg(doc_id), '{}') FROM pg_temp.kb_revision WHERE target = 'next'
