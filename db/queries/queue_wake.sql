-- Sinks that took something after their breaker was open: all that waits for them is due, the oldest first.
--   $1 sinks text[]
WITH mended AS (
    UPDATE event_sink
       SET broken_at = NULL
     WHERE sink = ANY ($1::text[])
       AND failures = 0
       AND broken_at IS NOT NULL
 RETURNING sink)
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
          FOR NO KEY UPDATE SKIP LOCKED) AS w
 WHERE d.event_id = w.event_id
   AND d.sink = m.sink
