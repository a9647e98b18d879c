-- Some of what has waited for as long as events are kept, for a sink that is dead, disabled or no longer declared. What
-- is in hand isn't touched.
--   $1 before   $2 spool_id
WITH overdue AS MATERIALIZED (
    SELECT d.event_id, d.sink, d.error, e.event_type, e.payload, e.created_at
      FROM event_delivery d
      JOIN event_outbox e USING (event_id)
     WHERE d.state = 'waiting'
       AND d.due_at IS NOT NULL
       AND d.queued_at < $1::timestamptz
       AND (d.claim_id IS NULL OR d.due_at <= now())
       AND (e.spool_id = $2::uuid OR e.spool_id IS NULL)
     LIMIT 5000
       FOR NO KEY UPDATE OF d SKIP LOCKED),
delivery AS (
    UPDATE event_delivery d
       SET state = 'dead', claim_id = NULL, settled_at = now()
      FROM overdue o
     WHERE d.event_id = o.event_id
       AND d.sink = o.sink)
INSERT INTO event_dlq (event_type, payload, error, event_id, sink)
SELECT event_type, payload::jsonb, 'given up after the time that events are kept: ' || coalesce(error, 'never tried'),
       event_id, sink
  FROM overdue
 ORDER BY created_at, event_id
