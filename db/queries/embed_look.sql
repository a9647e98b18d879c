-- How things are for an embedder: is it stopped, microseconds until its pause is over (0: there is none), its failures in
-- a row, what this database's vectors are of, and microseconds until a chunk may be claimed (NULL: none waits).
--   $1 embedder
SELECT e.stopped_at IS NOT NULL AS is_stopped,
       coalesce(greatest(extract(epoch FROM e.not_before - now()), 0) * 1000000, 0)::bigint AS pause_us,
       e.failures,
       s.model,
       s.dimensions,
       (SELECT greatest(extract(epoch FROM c.next_attempt_at - now()), 0) * 1000000
          FROM pmoves_kb.chunks_next c
         WHERE c.embedding_status IN ('pending', 'processing')
           AND c.home = current_schema()
         ORDER BY c.next_attempt_at
         LIMIT 1)::bigint AS due_us
  FROM pmoves_kb.embedding s
 CROSS JOIN pmoves_kb.embedder e
 WHERE e.embedder = $1::text
