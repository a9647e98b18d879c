-- What there is of the vectors: one row.
-- kb_nearest and kb_search belong into the configured schema, which the search_path begins with.
SELECT (SELECT quote_ident(n.nspname) FROM pg_extension e JOIN pg_namespace n ON n.oid = e.extnamespace
         WHERE e.extname = 'vector') AS vector_schema,
       coalesce(to_regnamespace('public')::text, 'pmoves_kb') AS vector_home,
       -- Can the extension be made? Where it is trusted, CREATE on the database is enough.
       coalesce((SELECT bool_or(r.rolsuper OR (has_database_privilege(current_database(), 'CREATE')
                                               AND (v.trusted OR NOT v.superuser)))
                   FROM pg_available_extension_versions v
                   JOIN pg_available_extensions x ON x.name = v.name AND x.default_version = v.version
                  CROSS JOIN (SELECT rolsuper FROM pg_roles WHERE rolname = current_user) r
                  WHERE v.name = 'vector'), false) AS can_make_vector,
       EXISTS (SELECT FROM pg_am WHERE amname = 'hnsw') AS has_hnsw,
       EXISTS (SELECT FROM pg_extension e JOIN pg_type t ON t.typnamespace = e.extnamespace
                WHERE e.extname = 'vector' AND t.typname = 'halfvec') AS has_halfvec,
       (SELECT quote_ident(n.nspname) FROM pg_extension e JOIN pg_namespace n ON n.oid = e.extnamespace
         WHERE e.extname = 'pg_trgm') AS trigram_schema,
       chunks.type AS chunks_type, chunks.dimensions AS chunks_dimensions,
       waiting.type AS next_type, waiting.dimensions AS next_dimensions,
       -- Any index that a search by cosine can use, whoever made it.
       EXISTS (SELECT FROM pg_index i
                 JOIN pg_class x ON x.oid = i.indexrelid
                 JOIN pg_am m ON m.oid = x.relam AND m.amname IN ('hnsw', 'ivfflat')
                 JOIN pg_opclass o ON o.oid = i.indclass[0] AND o.opcname IN ('vector_cosine_ops', 'halfvec_cosine_ops')
                 JOIN pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = i.indkey[0] AND a.attname = 'embedding'
                WHERE i.indrelid = to_regclass('pmoves_kb.chunks') AND i.indisvalid AND i.indpred IS NULL) AS has_index,
       EXISTS (SELECT FROM pg_index i
                 JOIN pg_opclass o ON o.oid = i.indclass[0] AND o.opcname IN ('gin_trgm_ops', 'gist_trgm_ops')
                 JOIN pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = i.indkey[0] AND a.attname = 'text'
                WHERE i.indrelid = to_regclass('pmoves_kb.chunks') AND i.indisvalid) AS has_trigrams,
       to_regclass('pmoves_kb.embedding') IS NOT NULL AS has_record,
       current_schema() AS schema,
       (SELECT string_agg(coalesce(obj_description(p.oid, 'pg_proc'), ''), ' ' ORDER BY p.proname)
          FROM pg_proc p
          JOIN pg_namespace n ON n.oid = p.pronamespace AND n.nspname = current_schema()
         WHERE p.proname IN ('kb_match', 'kb_nearest', 'kb_search')) AS functions
  FROM (VALUES (1)) AS one (row)
  LEFT JOIN LATERAL (
       SELECT t.typname AS type,
              coalesce(nullif(a.atttypmod, -1),
                       (SELECT (regexp_match(pg_get_constraintdef(k.oid), 'array_length\(embedding, 1\) = (\d+)'))[1]::integer
                          FROM pg_constraint k
                         WHERE k.conrelid = a.attrelid AND k.conname = 'chunks_embedding_length')) AS dimensions
         FROM pg_attribute a JOIN pg_type t ON t.oid = a.atttypid
        WHERE a.attrelid = to_regclass('pmoves_kb.chunks') AND a.attname = 'embedding' AND NOT a.attisdropped) chunks ON true
  LEFT JOIN LATERAL (
       SELECT t.typname AS type,
              coalesce(nullif(a.atttypmod, -1),
                       (SELECT (regexp_match(pg_get_constraintdef(k.oid), 'array_length\(embedding, 1\) = (\d+)'))[1]::integer
                          FROM pg_constraint k
                         WHERE k.conrelid = a.attrelid AND k.conname = 'chunks_next_embedding_length')) AS dimensions
         FROM pg_attribute a JOIN pg_type t ON t.oid = a.atttypid
        WHERE a.attrelid = to_regclass('pmoves_kb.chunks_next') AND a.attname = 'embedding' AND NOT a.attisdropped) waiting ON true
