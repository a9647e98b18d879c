-- Some of what has been due for too long, of sinks that have just failed and whose breaker has been open for as long:
-- nobody will try it. What is merely old (nobody was there to deliver it) has its attempts before it.
--   $1 sinks text[]   $2 outcomes text[]   $3 patience bigint[], microseconds   $4 failures that open the breaker
WITH broken AS (
    SELECT s.sink, coalesce(s.error, '') AS error, now() - max(n.patience_us) * interval '1 us' AS since
      FROM unnest($1::text[], $2::text[], $3::bigint[]) AS n (sink, outcome, patience_us)
      JOIN event_sink s USING (sink)
     WHERE n.outcome = 'failed'
       AND s.failures >= $4::integer
       AND s.broken_at IS NOT NULL
     GROUP BY s.sink
    HAVING s.broken_at < now() - max(n.patience_us) * interval '1 us'),
overdue AS MATERIALIZED (
    SELECT b.sink, b.error, d.event_id
      FROM broken b
     CROSS JOIN LATERAL (
           SELECT event_id
             FROM event_delivery
            WHERE sink = b.sink
              AND state = 'waiting'
              AND due_at < b.since
            ORDER BY due_at
            LIMIT 5000
              FOR NO KEY UPDATE SKIP LOCKED) AS d),
delivery AS (
    UPDATE event_delivery d
       SET state = 'dead', claim_id = NULL, error = coalesce(d.error, 'never tried'), settled_at = now()
      FROM overdue o
     WHERE d.event_id = o.event_id
       AND d.sink = o.sink)
INSERT INTO event_dlq (event_type, payload, error, event_id, sink)
SELECT e.event_type, e.payload::jsonb, 'given up, since the sink has been failing for too long: ' || o.error,
       o.event_id, o.sink
  FROM overdue o
  JOIN event_outbox e USING (event_id)
 ORDER BY e.created_at, o.event_id
