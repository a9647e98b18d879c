-- What kb_resolve and kb_decide found: an asset's place in the plan, or a document's.
SELECT 'asset' AS sort, n, asset_id AS id, problem, CASE WHEN is_changed THEN 'changed' ELSE 'same' END AS target
  FROM pg_temp.kb_asset
UNION ALL
SELECT 'document', d.n, d.doc_id, d.problem,
       CASE WHEN d.problem IS NOT NULL THEN 'reject' WHEN r.first > d.n THEN 'same' ELSE coalesce(r.target, 'same') END
  FROM pg_temp.kb_document d
  LEFT JOIN pg_temp.kb_revision r ON r.doc_id = d.doc_id
UNION ALL
SELECT 'revisions', count(*), NULL, NULL, NULL
  FROM pg_temp.kb_revision
 WHERE target IN ('served', 'next', 'back')
