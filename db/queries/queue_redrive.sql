-- Dead letters wait for their sinks once more, the oldest first.
--   each may be NULL: $1 sink   $2 event_type   $3 event_id   $4 since   $5 until   $6 id of the dead letter
WITH delivery AS (
    UPDATE event_delivery d
       SET state = 'waiting', attempts = 0, queued_at = now(), due_at = now() + q.nr * interval '1 us',
           claim_id = NULL, failing_since = NULL, settled_at = NULL
      FROM (SELECT event_id, sink, row_number() OVER (ORDER BY id) AS nr
              FROM event_dlq
             WHERE retried_at IS NULL
               AND ($1::text IS NULL OR sink = $1::text)
               AND ($2::text IS NULL OR event_type = $2::text)
               AND ($3::uuid IS NULL OR event_id = $3::uuid)
               AND ($4::timestamptz IS NULL OR created_at >= $4::timestamptz)
               AND ($5::timestamptz IS NULL OR created_at < $5::timestamptz)
               AND ($6::bigint IS NULL OR id = $6::bigint)) AS q
     WHERE d.event_id = q.event_id
       AND d.sink = q.sink
       AND d.state = 'dead'
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
