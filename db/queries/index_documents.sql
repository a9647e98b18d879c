-- The uris of a repository's documents that are served, or wait to be. What the documents themselves say of their
-- repository counts: uris of a repository in a folder of another one begin alike.
--   $1 repository
SELECT a.uri
  FROM pmoves_core.assets a
  JOIN pmoves_kb.documents d USING (asset_id)
  LEFT JOIN pmoves_kb.documents_next n USING (doc_id)
 WHERE starts_with(a.uri, $1 || '/')
   AND coalesce(n.meta, d.meta) ->> 'repository' = $1
   AND (CASE WHEN n.doc_id IS NULL THEN d.status <> 'retired' ELSE NOT n.retires END)
 ORDER BY a.uri
