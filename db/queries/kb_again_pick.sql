-- Documents with chunks that are to be tried again, as a uuid[], how many, and the last one.
--   $1 failed, missing or all  $2 uuid[] to choose from, or NULL  $3 at most so many  $4 behind this one, or NULL
SELECT coalesce(array_agg(doc_id), '{}'), count(*), (array_agg(doc_id ORDER BY doc_id DESC))[1]
  FROM (SELECT d.doc_id
          FROM pmoves_kb.documents d
          LEFT JOIN pmoves_kb.documents_next n USING (doc_id)
         WHERE ($2::uuid[] IS NULL OR d.doc_id = ANY ($2::uuid[]))
           AND ($4::uuid IS NULL OR d.doc_id > $4)
           AND d.status <> 'retired'
           AND ((n.doc_id IS NULL OR n.adds)
                AND EXISTS (SELECT
                              FROM pmoves_kb.chunks c, pmoves_kb.embedding e
                             WHERE c.doc_id = d.doc_id
                               AND c.text IS NOT NULL
                               AND CASE $1::text
                                        WHEN 'failed' THEN c.embedding_status = 'failed'
                                        WHEN 'missing' THEN c.embedding_status <> 'complete' OR c.embedding IS NULL
                                        ELSE c.embedding_status <> 'complete' OR c.embedding IS NULL OR c.model IS DISTINCT FROM e.model
                                   END
                               AND NOT EXISTS (SELECT
                                                 FROM pmoves_kb.chunks_next x
                                                WHERE x.doc_id = c.doc_id AND (x.chunk_id = c.chunk_id OR x.idx = c.idx)))
                OR EXISTS (SELECT
                             FROM pmoves_kb.chunks_next x, pmoves_kb.embedding e
                            WHERE x.doc_id = d.doc_id
                              AND (x.embedding_status = 'failed'
                                   OR $1 = 'all' AND x.embedding_status = 'complete' AND x.model IS DISTINCT FROM e.model)))
         ORDER BY d.doc_id
         LIMIT $3::integer) picked
