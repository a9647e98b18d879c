-- The knowledge base on one screen, counted exactly.
--   $1 how far back throughput is looked at: an interval
SELECT json_build_object(
    'embedding', (SELECT json_build_object('type', type, 'dimensions', dimensions, 'model', model) FROM pmoves_kb.embedding),
    'documents',
        (SELECT json_build_object('complete', count(*) FILTER (WHERE status = 'complete'),
                                  'partial', count(*) FILTER (WHERE status = 'partial'),
                                  'pending', count(*) FILTER (WHERE status = 'pending'),
                                  'retired', count(*) FILTER (WHERE status = 'retired'),
                                  'waiting', (SELECT count(*) FROM pmoves_kb.documents_next))
           FROM pmoves_kb.documents),
    'chunks',
        (SELECT json_build_object('complete', count(*) FILTER (WHERE embedding_status = 'complete'),
                                  'failed', count(*) FILTER (WHERE embedding_status = 'failed'),
                                  'pending', count(*) FILTER (WHERE embedding_status = 'pending'))
           FROM pmoves_kb.chunks),
    'waiting_chunks',
        (SELECT json_build_object('pending', count(*) FILTER (WHERE embedding_status = 'pending'),
                                  'processing', count(*) FILTER (WHERE embedding_status = 'processing'),
                                  'complete', count(*) FILTER (WHERE embedding_status = 'complete'),
                                  'failed', count(*) FILTER (WHERE embedding_status = 'failed'),
                                  -- one that `embed --again` has put here is older than its wait
                                  'oldest_at', min(greatest(c.created_at, d.created_at))
                                                   FILTER (WHERE embedding_status IN ('pending', 'processing')))
           FROM pmoves_kb.chunks_next c
           JOIN pmoves_kb.documents_next d USING (doc_id)),
    'awaiting_text', (SELECT count(*) FROM pmoves_kb.assets_awaiting_text),
    'recent',
        (SELECT json_build_object('seconds', extract(epoch FROM $1::interval)::bigint, 'documents', count(DISTINCT d.doc_id),
                                  'chunks', count(c.chunk_id))
           FROM pmoves_kb.documents d
           LEFT JOIN pmoves_kb.chunks c USING (doc_id)
          WHERE d.revision > 0 AND d.updated_at > now() - $1::interval),
    'embedders',
        (SELECT coalesce(json_agg(json_build_object(
                             'embedder', embedder,
                             'state', CASE WHEN stopped_at IS NOT NULL THEN 'stopped'
                                           WHEN not_before > now() THEN 'paused'
                                           WHEN failures > 0 THEN 'failing'
                                           ELSE 'ok' END,
                             'failures', failures, 'not_before', not_before, 'stopped_at', stopped_at, 'error', error,
                             'requests', requests, 'chunks', chunks, 'last_success_at', last_success_at,
                             'last_failure_at', last_failure_at) ORDER BY embedder), '[]')
           FROM pmoves_kb.embedder))
