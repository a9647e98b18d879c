-- Events that are queued for a sink (again), the oldest first; what waits for it already stays as it is.
--   $1 sink   each may be NULL: $2 event_type   $3 event_id   $4 since   $5 until   $6 gate
WITH delivery AS (
    INSERT INTO event_delivery AS d (event_id, sink, batch_id, seq, queued_at, due_at)
    SELECT event_id, $1::text, batch_id, seq, now(),
           now() + row_number() OVER (ORDER BY created_at, event_id) * interval '1 us'
      FROM event_outbox
     WHERE ($2::text IS NULL OR event_type = $2::text)
       AND ($3::uuid IS NULL OR event_id = $3::uuid)
       AND ($4::timestamptz IS NULL OR created_at >= $4::timestamptz)
       AND ($5::timestamptz IS NULL OR created_at < $5::timestamptz)
       AND ($6::text IS NULL OR gate = $6::text)
        ON CONFLICT (event_id, sink) DO UPDATE
       SET state = 'waiting', attempts = 0, queued_at = excluded.queued_at, due_at = excluded.due_at,
           claim_id = NULL, failing_since = NULL, settled_at = NULL
     WHERE d.state <> 'waiting'
 RETURNING d.event_id, d.sink),
letter AS (
    UPDATE event_dlq q
       SET retried_at = now()
      FROM delivery d
     WHERE q.event_id = d.event_id
       AND q.sink = d.sink
       AND q.retried_at IS NULL)
SELECT count(*), pg_notify('event_updates', '')
  FROM delivery
