-- A sink is left alone until it is enabled, as after a 410; what waits for it waits. Rows: it is declared or known.
--   $1 sink   $2 true: declared   $3 why
INSERT INTO event_sink AS s (sink, disabled_at, error)
SELECT $1::text, now(), $3::text
 WHERE $2::boolean
    OR EXISTS (SELECT FROM event_sink WHERE sink = $1::text)
    OR EXISTS (SELECT FROM event_delivery WHERE sink = $1::text AND state = 'waiting')
    ON CONFLICT (sink) DO UPDATE
   SET disabled_at = coalesce(s.disabled_at, excluded.disabled_at), error = excluded.error
RETURNING sink
