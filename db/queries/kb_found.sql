-- kb_found
-- For kb_resolve: the document that each row of kb_document names, and what is wrong with it.
SELECT d.n, coalesce(i.doc_id, CASE WHEN o.documents = 1 THEN o.doc_id END) AS doc_id,
       CASE
           WHEN k.n IS NOT NULL AND i.asset_id IS NOT NULL AND i.asset_id IS DISTINCT FROM k.asset_id
                THEN format('doc_id %s contradicts the database: that document belongs to asset %s', i.doc_id, i.asset_id)
           WHEN d.given_id IS NULL AND o.documents > 1
                THEN format('the asset has %s documents: name one by its doc_id', o.documents)
           WHEN i.doc_id IS NULL AND o.documents = 0 AND NOT d.is_head AND NOT d.is_retired
                THEN format('no document %s: send its document first',
                            coalesce(d.given_id::text, 'of ' || left(k.uri, 100), 'of asset ' || k.given_id))
           WHEN d.is_head AND NOT d.is_retired AND k.n IS NOT NULL AND k.asset_id IS NULL
                THEN format('no asset %s: send it with its uri first', k.given_id)
           WHEN d.checksum <> lower(replace(a.checksum, 'sha256:', ''))
                THEN format('checksum %s..., but the asset''s is %s...: it was made of another version',
                            left(d.checksum, 12), left(a.checksum, 12))
       END AS problem
  FROM pg_temp.kb_document d
  LEFT JOIN pg_temp.kb_asset k ON k.n = d.asset
  LEFT JOIN pmoves_core.assets a ON a.asset_id = k.asset_id
  LEFT JOIN pmoves_kb.documents i ON i.doc_id = d.given_id
  LEFT JOIN LATERAL (
        SELECT count(*) AS documents, min(t.doc_id::text)::uuid AS doc_id
          FROM pmoves_kb.documents t
         WHERE t.asset_id = k.asset_id AND d.given_id IS NULL) o ON true
