-- The chunks whose vectors point the way that the query's does: pgvector's, by the index. score: the cosine.
--   query   as many numbers as the vectors have
--   pack    only chunks of it: all of them are looked at, since the index knows no packs

-- Its settings are known, and anybody's to set, once the library is loaded: by any vector.
DO $load$ BEGIN PERFORM CAST('[1]' AS :vectors.vector); END $load$;
CREATE OR REPLACE FUNCTION kb_nearest(query real[], k integer DEFAULT 10, pack uuid DEFAULT NULL)
RETURNS TABLE (chunk_id uuid, doc_id uuid, section_id uuid, uri text, title text, heading text, text text, md jsonb,
               score double precision)
LANGUAGE plpgsql STABLE ROWS 100
SET search_path FROM CURRENT
SET plan_cache_mode = force_custom_plan
SET hnsw.ef_search = 100
SET ivfflat.probes = 10
AS $function$
#variable_conflict use_column
DECLARE
    wanted :type;
BEGIN
    IF cardinality(query) <> :dimensions THEN
        RAISE EXCEPTION 'the query has % numbers, and the vectors of this database have :dimensions', cardinality(query)
              USING ERRCODE = 'invalid_parameter_value';
    END IF;
    IF NOT EXISTS (SELECT FROM unnest(query) AS q (number) WHERE q.number <> 0) THEN
        RETURN; -- no direction
    END IF;
    wanted = query;
    IF pack IS NULL AND k <= 1000 THEN -- as many as the index gives
        PERFORM set_config('hnsw.ef_search', greatest(100, k)::text, true); -- the function's SET undoes it
        RETURN QUERY
        SELECT n.chunk_id, n.doc_id, n.section_id, a.uri::text, d.title::text, s.heading::text, n.text::text, n.md, 1 - n.distance
          FROM (SELECT c.*, c.embedding OPERATOR(:vectors.<=>) wanted AS distance
                  FROM pmoves_kb.chunks c
                 WHERE c.embedding IS NOT NULL
                 ORDER BY c.embedding OPERATOR(:vectors.<=>) wanted
                 LIMIT k) n
          LEFT JOIN pmoves_kb.documents d ON d.doc_id = n.doc_id
          LEFT JOIN pmoves_core.assets a ON a.asset_id = d.asset_id
          LEFT JOIN pmoves_kb.sections s ON s.section_id = n.section_id
         ORDER BY n.distance, n.chunk_id;
    ELSE
        RETURN QUERY
        SELECT n.chunk_id, n.doc_id, n.section_id, a.uri::text, d.title::text, s.heading::text, n.text::text, n.md, 1 - n.distance
          FROM (SELECT c.*, c.embedding OPERATOR(:vectors.<=>) wanted AS distance
                  FROM pmoves_kb.chunks c
                 WHERE c.embedding IS NOT NULL AND (pack IS NULL OR c.pack_id = pack)
                 ORDER BY (c.embedding OPERATOR(:vectors.<=>) wanted) + 0, c.chunk_id -- + 0: not by the index
                 LIMIT k) n
          LEFT JOIN pmoves_kb.documents d ON d.doc_id = n.doc_id
          LEFT JOIN pmoves_core.assets a ON a.asset_id = d.asset_id
          LEFT JOIN pmoves_kb.sections s ON s.section_id = n.section_id
         ORDER BY n.distance, n.chunk_id;
    END IF;
END
$function$;
COMMENT ON FUNCTION kb_nearest(real[], integer, uuid) IS :'version';
