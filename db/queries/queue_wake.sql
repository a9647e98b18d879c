-- Some of what waits for sinks that took something after their breaker was open, or that somebody has enabled, and isn't
-- due yet: it is due, the oldest first. Rows: sinks that have more of it, for the next time; broken_at stays until then.
--   $1 sinks text[], or NULL: all   $2 how many deliveries of each
WITH mended AS MATERIALIZED (
    SELECT sink
      FROM event_sink
     WHERE ($1::text[] IS NULL OR sink = ANY ($1::text[]))
       AND failures = 0
       AND broken_at IS NOT NULL
     ORDER BY sink
       FOR NO KEY UPDATE),
woken AS (
    UPDATE event_delivery d
       SET due_at = w.queued_at
      FROM mended m
     CROSS JOIN LATERAL (
           SELECT event_id, queued_at
             FROM event_delivery
            WHERE sink = m.sink
              AND state = 'waiting'
              AND due_at > now()
              AND claim_id IS NULL
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
