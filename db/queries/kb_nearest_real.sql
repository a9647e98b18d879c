-- The chunks whose vectors point the way that the query's does, where pgvector isn't there: all vectors are looked at.
-- score: the cosine.
--   query   as many numbers as the vectors have
--   pack    only chunks of it
--
-- The cosine is written out, a term for each number, and run as a statement of its own: that takes a half of what unnest and
-- sum() do, or less. Of many chunks the server's parallel workers look at a share each.
CREATE OR REPLACE FUNCTION kb_nearest(query real[], k integer DEFAULT 10, pack uuid DEFAULT NULL)
RETURNS TABLE (chunk_id uuid, doc_id uuid, section_id uuid, uri text, title text, heading text, text text, md jsonb,
               score double precision)
LANGUAGE plpgsql STABLE ROWS 100
SET search_path FROM CURRENT
SET enable_seqscan = on -- kb_search has it off
SET jit = off
AS $function$
#variable_conflict use_column
DECLARE
    length  CONSTANT double precision = (SELECT sqrt(sum(q.number::double precision ^ 2)) FROM unnest(query) AS q (number));
    product text; -- of the vector v with the query
    norm    text; -- of v, squared
BEGIN
    IF cardinality(query) <> :dimensions THEN
        RAISE EXCEPTION 'the query has % numbers, and the vectors of this database have :dimensions', cardinality(query)
              USING ERRCODE = 'invalid_parameter_value';
    END IF;
    IF length IS NULL OR length = 0 THEN
        RETURN; -- no direction
    END IF;
    IF length IN ('NaN', 'Infinity') OR array_position(query, NULL) IS NOT NULL THEN
        RAISE EXCEPTION 'the query has a number that is NULL, NaN or infinite' USING ERRCODE = 'invalid_parameter_value';
    END IF;
    -- In brackets of 64: an expression must not nest too deep.
    SELECT string_agg(part.product, ' + '), string_agg(part.norm, ' + ')
      INTO product, norm
      FROM (SELECT '(' || string_agg(format('v[%s] * %L::float8', q.at, q.number / length), ' + ') || ')' AS product,
                   '(' || string_agg(format('v[%s]::float8 * v[%s]', q.at, q.at), ' + ') || ')' AS norm
              FROM unnest(query) WITH ORDINALITY AS q (number, at)
             GROUP BY (q.at - 1) / 64) part;
    RETURN QUERY EXECUTE format($statement$
    SELECT n.chunk_id, n.doc_id, n.section_id, a.uri::text, d.title::text, s.heading::text, n.text::text, n.md, n.score
      FROM (SELECT c.chunk_id, c.doc_id, c.section_id, c.text, c.md, (%s) / nullif(sqrt(%s), 0) AS score
              FROM pmoves_kb.chunks c
             -- Read once, not for every number. A subselect with OFFSET 0 would do that, too, but not in parallel.
             CROSS JOIN LATERAL array_cat(c.embedding, '{}'::real[]) AS v
             WHERE c.embedding IS NOT NULL AND ($2 IS NULL OR c.pack_id = $2)
             ORDER BY score DESC NULLS LAST, c.chunk_id
             LIMIT $1) n
      LEFT JOIN pmoves_kb.documents d ON d.doc_id = n.doc_id
      LEFT JOIN pmoves_core.assets a ON a.asset_id = d.asset_id
      LEFT JOIN pmoves_kb.sections s ON s.section_id = n.section_id
     WHERE n.score IS NOT NULL
     ORDER BY n.score DESC, n.chunk_id$statement$, product, norm)
    USING k, pack;
END
$function$;
COMMENT ON FUNCTION kb_nearest(real[], integer, uuid) IS :'version';
