-- Some of what waits for sinks that took something after their breaker was open, or that somebody has enabled, and isn't
-- due yet: it is due, the oldest first. Rows: sinks that have more of it, for the next time; broken_at stays until then.
-- What was tried since the sink is well has a wait of its own: it isn't woken, or a sink that fails now and then while it
-- takes what has gathered would use up all of its attempts within seconds.
--   $1 sinks text[], or NULL: all   $2 how many deliveries of each
WITH mended AS MATERIALIZED (
    SELECT s.sink, coalesce(a.attempted_at, 'infinity') AS well_at
      FROM event_sink s
      LEFT JOIN LATERAL (
           SELECT attempted_at
             FROM event_attempt
            WHERE sink = s.sink
              AND attempted_at > s.broken_at
              AND error IS NULL
            ORDER BY attempted_at
            LIMIT 1) AS a ON true
     WHERE ($1::text[] IS NULL OR sink = ANY ($1::text[]))
       AND failures = 0
       AND broken_at IS NOT NULL
     ORDER BY s.sink
       FOR NO KEY UPDATE OF s),
woken AS (
    UPDATE event_delivery d
       SET due_at = w.queued_at
      FROM mended m
     CROSS JOIN LATERAL (
           SELECT event_id, queued_at
             FROM event_delivery w
            WHERE sink = m.sink
              AND state = 'waiting'
              AND due_at > now()
              AND claim_id IS NULL
              AND (SELECT true
                     FROM event_attempt a
                    WHERE a.event_id = w.event_id
                      AND a.sink = w.sink
                      AND a.attempted_at > m.well_at
                    LIMIT 1) IS NULL -- as in queue_claim
            ORDER BY due_at
            LIMIT $2::integer
              FOR NO KEY UPDATE SKIP LOCKED) AS w
     WHERE d.event_id = w.event_id
       AND d.sink = m.sink
 RETURNING d.sink),
tally AS (
    SELECT m.sink, count(w.sink) >= $2::integer AS is_more
      FROM mended m
      LEFT JOIN woken w USING (sink)
     GROUP BY m.sink),
rested AS (
    UPDATE event_sink s
       SET broken_at = NULL
      FROM tally t
     WHERE s.sink = t.sink
       AND NOT t.is_more)
SELECT sink
  FROM tally
 WHERE is_more
