-- What an embedder's requests say of it. Workers that fail together count as one failure: all but the first find it
-- paused.
--   $1 embedder   $2 requests   $3 chunks that got their vectors   $4 outcome: well, later, stopped, unknown
--   $5 error   $6 pause that the provider asked for, microseconds; 0: none
UPDATE pmoves_kb.embedder
   SET requests = requests + $2::bigint,
       chunks = chunks + $3::bigint,
       failures = CASE $4::text WHEN 'well' THEN 0
                                WHEN 'later' THEN failures + coalesce(not_before <= now(), true)::integer
                                ELSE failures END,
       not_before = CASE $4::text WHEN 'later'
                                  THEN greatest(not_before,
                                                now() + $6::bigint * interval '1 us',
                                                CASE WHEN coalesce(not_before <= now(), true)
                                                     THEN now() + (0.75 + random() / 4)
                                                          * least(2 ^ least(failures, 20), 300) * interval '1 s' END)
                                  ELSE not_before END,
       stopped_at = CASE WHEN $4::text = 'stopped' THEN coalesce(stopped_at, now()) ELSE stopped_at END,
       error = coalesce($5::text, error),
       last_success_at = CASE WHEN $3::bigint > 0 THEN now() ELSE last_success_at END,
       last_failure_at = CASE WHEN $4::text IN ('later', 'stopped') THEN now() ELSE last_failure_at END
 WHERE embedder = $1::text
