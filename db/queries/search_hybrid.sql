-- What answers a question best: rows of JSON, best first.
--   $1 the question  $2 its vector, or NULL  $3 how many  $4 a pack, or NULL  $5 with the words around what was found?
SELECT CASE WHEN $5::boolean
            THEN to_jsonb(s) || jsonb_build_object('snippet', ts_headline('english', left(s.text, 20000), q.words,
                                                   'StartSel="", StopSel="", MaxWords=20, MinWords=12'))
            ELSE to_jsonb(s) END
  FROM kb_search($1, $2::real[], $3::integer, $4::uuid) s
 CROSS JOIN (SELECT replace(plainto_tsquery('english', left($1, 1000))::text, ' & ', ' | ')::tsquery AS words) q
 ORDER BY s.score DESC, s.chunk_id
