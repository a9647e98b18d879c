-- What became of attempts. Counts are of results whose claim is still ours: the others are somebody else's by now.
--   $1 claim_id   $2 sinks text[]   $3 event ids uuid[]
--   $4 outcomes text[]: delivered, failed, unsent, gone, released
--   $5 HTTP status integer[] or NULL   $6 errors text[]   $7 answers text[]   $8 characters of them that are kept
--   $9 when each began, bigint[], microseconds since 1970   $10 how long it took, the same
--   $11 wait until the next attempt, the same; NULL: that was the last   $12 pause of the sink, the same; 0: none
--   $13 failures that open the breaker   $14 seconds of its first pause   $15 of its longest
--   $16 seconds without a failure after which nobody was trying, so that it is open since now
WITH result AS MATERIALIZED (
    SELECT r.*, r.outcome IN ('failed', 'unsent') AND r.wait_us IS NULL AS is_dead
      FROM unnest($2::text[], $3::uuid[], $4::text[], $5::integer[], $6::text[], $7::text[], $9::bigint[],
                  $10::bigint[], $11::bigint[], $12::bigint[]) WITH ORDINALITY
           AS r (sink, event_id, outcome, status, error, answer, attempted_us, took_us, wait_us, pause_us, nr)
      JOIN event_delivery d USING (event_id, sink)
     WHERE d.claim_id = $1::uuid -- so it is waiting
       FOR NO KEY UPDATE OF d),
delivery AS (
    UPDATE event_delivery d
       SET state = CASE WHEN r.outcome = 'delivered' THEN 'delivered' WHEN r.is_dead THEN 'dead' ELSE 'waiting' END,
           attempts = d.attempts + CASE WHEN r.outcome IN ('gone', 'released') THEN 0 ELSE 1 END,
           due_at = CASE WHEN r.outcome = 'gone' THEN d.queued_at -- its place among the others
                         ELSE now() + coalesce(r.wait_us, 0) * interval '1 us' END,
           claim_id = NULL,
           failing_since = CASE WHEN r.outcome IN ('failed', 'unsent') THEN coalesce(d.failing_since, now())
                                ELSE d.failing_since END,
           error = CASE WHEN r.outcome = 'released' THEN d.error ELSE r.error END,
           settled_at = CASE WHEN r.outcome = 'delivered' OR r.is_dead THEN now() END
      FROM result r
     WHERE d.event_id = r.event_id
       AND d.sink = r.sink),
attempt AS (
    INSERT INTO event_attempt (event_id, sink, attempted_at, took_ms, status, error, answer)
    SELECT event_id, sink, timestamptz 'epoch' + attempted_us * interval '1 us', took_us / 1000.0, status, error,
           left(answer, $8::integer)
      FROM result
     WHERE outcome <> 'released'),
letter AS (
    INSERT INTO event_dlq (event_type, payload, error, event_id, sink)
    SELECT e.event_type, e.payload::jsonb, coalesce(r.error, ''), r.event_id, r.sink
      FROM result r
      JOIN event_outbox e USING (event_id)
     WHERE r.is_dead
     ORDER BY r.nr),
tally AS (
    SELECT r.sink,
           count(*) FILTER (WHERE outcome = 'failed')::integer AS failed,
           bool_or(outcome = 'delivered') AS has_delivered,
           bool_or(outcome = 'gone') AS is_gone,
           max(pause_us) AS pause_us,
           (array_agg(error ORDER BY nr DESC) FILTER (WHERE outcome IN ('failed', 'gone')))[1] AS error
      FROM result r
     GROUP BY r.sink),
-- With the breaker open, the probe alone says how the sink is.
known AS MATERIALIZED (
    SELECT s.sink, s.failures, s.failures >= $13::integer AS is_broken, p.sink IS NOT NULL AS is_probed,
           CASE WHEN s.failures >= $13::integer THEN s.failures + coalesce(p.outcome = 'failed', false)::integer
                ELSE least(s.failures + t.failed, $13::integer) END AS failing
      FROM event_sink s
      JOIN tally t USING (sink)
      LEFT JOIN result p ON p.sink = s.sink AND p.event_id = s.probe
     ORDER BY s.sink
       FOR NO KEY UPDATE OF s)
UPDATE event_sink s
   SET failures = CASE WHEN t.has_delivered THEN 0 ELSE k.failing END,
       broken_at = CASE WHEN k.failing < $13::integer OR t.has_delivered THEN s.broken_at -- queue_wake takes it back
                        WHEN NOT k.is_broken -- but queue_wake may not be through with the last time
                             OR (t.failed > 0 AND s.last_failure_at < now() - $16::integer * interval '1 s') THEN now()
                        ELSE coalesce(s.broken_at, now()) END,
       probe = CASE WHEN NOT (t.has_delivered OR k.is_probed) THEN s.probe END,
       not_before = greatest(
           CASE WHEN t.has_delivered THEN CASE WHEN NOT k.is_broken THEN s.not_before END -- it asked for time
                WHEN k.failing > k.failures AND k.failing >= $13::integer
                THEN now() + (0.75 + random() / 4)
                     * least($14::integer * 2 ^ least(k.failing - $13::integer, 20), $15::integer) * interval '1 s'
                WHEN NOT k.is_probed THEN s.not_before END,
           CASE WHEN t.pause_us > 0 THEN now() + t.pause_us * interval '1 us' END),
       disabled_at = CASE WHEN t.is_gone THEN coalesce(s.disabled_at, now()) ELSE s.disabled_at END,
       error = CASE WHEN s.disabled_at IS NULL THEN coalesce(t.error, s.error) ELSE s.error END, -- why it is
       last_success_at = CASE WHEN t.has_delivered THEN now() ELSE s.last_success_at END,
       last_failure_at = CASE WHEN t.failed > 0 OR t.is_gone THEN now() ELSE s.last_failure_at END
  FROM tally t
  JOIN known k USING (sink)
 WHERE s.sink = k.sink
