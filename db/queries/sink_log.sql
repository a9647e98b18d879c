-- The last attempts to deliver to a sink as JSON, the newest first.
--   $1 sink   $2 how many
SELECT to_jsonb(a) - 'sink' || jsonb_build_object('event_type', o.event_type)
  FROM (SELECT * FROM event_attempt WHERE sink = $1 ORDER BY attempted_at DESC LIMIT $2) AS a
  LEFT JOIN event_outbox o USING (event_id)
 ORDER BY a.attempted_at DESC
