-- Every sink as JSON, declared or known to the database.
--   $1 names of the declared ones as text[]; NULL where that isn't known
SELECT json_build_object(
           'sink', sink,
           'declared', is_declared,
           'state', CASE WHEN NOT is_declared THEN 'undeclared' ELSE coalesce(h.state, 'ok') END,
           'waiting', coalesce(h.waiting, 0),
           'oldest_waiting', h.oldest_waiting,
           'dead_letters', coalesce(h.dead_letters, 0),
           'failures', coalesce(h.failures, 0),
           'error', h.error,
           'last_success_at', h.last_success_at,
           'last_failure_at', h.last_failure_at,
           'not_before', h.not_before,
           'disabled_at', h.disabled_at)
  FROM sink_health h
  FULL JOIN unnest($1::text[]) AS d(sink) USING (sink)
 CROSS JOIN LATERAL (SELECT CASE WHEN $1::text[] IS NOT NULL THEN d.sink IS NOT NULL END) AS i(is_declared)
 ORDER BY sink COLLATE "C"
