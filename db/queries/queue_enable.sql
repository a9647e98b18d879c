-- A sink starts anew, and all that waits for it is due from now on, the oldest first: not since it was queued, or the
-- next failures would give it up. What somebody has in hand stays in hand: also what is being settled just now, whose
-- statement has its deliveries and wants the sink, so that waiting for them would be a deadlock.
--   $1 sink
WITH known AS (
    UPDATE event_sink
       SET failures = 0, broken_at = NULL, probe = NULL, not_before = NULL, disabled_at = NULL, error = NULL
     WHERE sink = $1::text
 RETURNING sink),
free AS MATERIALIZED (
    SELECT event_id, queued_at
      FROM event_delivery
     WHERE sink = $1::text
       AND state = 'waiting'
       AND (claim_id IS NULL OR due_at <= now())
       FOR NO KEY UPDATE SKIP LOCKED),
delivery AS (
    UPDATE event_delivery d
       SET due_at = now() + w.nr * interval '1 us'
      FROM (SELECT event_id, row_number() OVER (ORDER BY queued_at, event_id) AS nr
              FROM free) AS w
     WHERE d.event_id = w.event_id
       AND d.sink = $1::text)
SELECT count(*), pg_notify('event_updates', '')
  FROM known
