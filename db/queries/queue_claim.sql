-- Takes what is due for sinks that have room. A sink whose breaker is open gets one event, its probe, for which it is
-- left alone until the lease ends: locking its row keeps a second daemon from doing the same.
--   $1 claim_id   $2 sinks text[]   $3 rooms integer[]   $4 leases bigint[], microseconds
--   $5 failures in a row that open the breaker   $6 seconds that an event may fail before later ones of its batch go on
WITH want AS (
    SELECT *
      FROM unnest($2::text[], $3::integer[], $4::bigint[]) WITH ORDINALITY AS w (sink, room, lease_us, nr)
     WHERE room > 0),
broken AS MATERIALIZED (
    SELECT sink
      FROM event_sink
     WHERE sink IN (SELECT sink FROM want)
       AND failures >= $5::integer
       AND disabled_at IS NULL
       AND (not_before IS NULL OR not_before <= now())
       FOR NO KEY UPDATE SKIP LOCKED),
takes AS (
    SELECT w.sink, w.nr, now() + w.lease_us * interval '1 us' AS lapses_at, b.sink IS NOT NULL AS is_broken,
           CASE WHEN b.sink IS NULL THEN w.room ELSE 1 END AS room
      FROM want w
      LEFT JOIN event_sink s USING (sink)
      LEFT JOIN broken b USING (sink)
     WHERE b.sink IS NOT NULL
        OR (coalesce(s.failures, 0) < $5::integer
            AND s.disabled_at IS NULL
            AND (s.not_before IS NULL OR s.not_before <= now()))),
due AS MATERIALIZED (
    SELECT t.*, d.event_id, d.due_at
      FROM takes t
     CROSS JOIN LATERAL (
           SELECT event_id, due_at
             FROM event_delivery d
            WHERE sink = t.sink
              AND state = 'waiting'
              AND due_at <= now()
              AND (SELECT true
                     FROM event_delivery e
                    WHERE e.batch_id = d.batch_id
                      AND e.sink = d.sink
                      AND e.seq < d.seq
                      AND e.state = 'waiting'
                      AND (e.failing_since IS NULL OR e.failing_since > now() - $6::integer * interval '1 s')
                    LIMIT 1) IS NULL -- NOT EXISTS may become a join with all that waits
            ORDER BY due_at
            LIMIT t.room
              FOR NO KEY UPDATE SKIP LOCKED) AS d),
probe AS (
    UPDATE event_sink s
       SET probe = d.event_id, not_before = d.lapses_at
      FROM due d
     WHERE d.is_broken
       AND s.sink = d.sink),
taken AS (
    UPDATE event_delivery t
       SET claim_id = $1::uuid, due_at = d.lapses_at
      FROM due d
     WHERE t.event_id = d.event_id
       AND t.sink = d.sink
 RETURNING d.nr, d.due_at, d.is_broken, t.sink, t.event_id, t.attempts, t.body, t.content_type)
SELECT t.nr - 1, t.sink, t.event_id, e.event_type, e.payload, e.spool_id,
       (extract(epoch FROM e.created_at) * 1000000)::bigint, t.attempts, t.body, t.content_type,
       t.is_broken, (extract(epoch FROM now() - e.created_at) * 1000000)::bigint
  FROM taken t
  JOIN event_outbox e USING (event_id)
 ORDER BY t.nr, t.due_at
