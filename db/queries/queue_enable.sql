-- A sink starts anew, as if its breaker had opened just now: so queue_wake makes due what waits for its next attempt, by
-- whomever it is called, should this one stop half-way.
--   $1 sink
UPDATE event_sink
   SET failures = 0, broken_at = now(), probe = NULL, not_before = NULL, disabled_at = NULL,
       error = NULL
 WHERE sink = $1::text
RETURNING sink
