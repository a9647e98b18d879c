-- Documents whose waiting revision has no chunk that waits for a vector: whoever settled the last one should have
-- completed it. Oldest first; not those of another schema, whose outbox gets their events.
--   $1 how many
SELECT n.doc_id, n.revision, coalesce(a.uri, '')
  FROM pmoves_kb.documents_next n
  JOIN pmoves_kb.documents d USING (doc_id)
  LEFT JOIN pmoves_core.assets a USING (asset_id)
 WHERE NOT EXISTS (SELECT
                     FROM pmoves_kb.chunks_next c
                    WHERE c.doc_id = n.doc_id
                      AND (c.embedding_status IN ('pending', 'processing') OR c.home <> current_schema()))
 ORDER BY n.created_at, n.doc_id
 LIMIT $1::bigint
