-- One dead letter as JSON, with its payload as it was written while the outbox has it, and with every
-- attempt.
--   $1 id
SELECT json_build_object(
           'id', d.id,
           'event_type', d.event_type,
           'event_id', d.event_id,
           'sink', d.sink,
           'error', d.error,
           'created_at', d.created_at,
           'retried_at', d.retried_at,
           'state', (SELECT state FROM event_delivery v WHERE v.event_id = d.event_id AND v.sink = d.sink),
           'payload', coalesce((SELECT payload FROM event_outbox o WHERE o.event_id = d.event_id),
                               d.payload::json),
           'attempts', coalesce((SELECT json_agg(to_jsonb(a) - 'event_id' - 'sink' ORDER BY attempted_at)
                                   FROM event_attempt a
                                  WHERE a.event_id = d.event_id AND a.sink = d.sink), '[]'))
  FROM event_dlq d
 WHERE d.id = $1
