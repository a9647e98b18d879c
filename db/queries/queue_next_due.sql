-- Microseconds until something may be claimed for a sink that has room; NULL: nothing waits. What is due but has to
-- wait for an earlier event of its batch counts from when that one is due again, or has been failing long enough.
--   $1 sinks text[]   $2 rooms integer[]   $3 seconds that an event may fail before later ones of its batch go on
SELECT (extract(epoch FROM min(greatest(n.due_at, now())) - now()) * 1000000)::bigint
  FROM unnest($1::text[], $2::integer[]) AS w (sink, room)
  LEFT JOIN event_sink s USING (sink)
 CROSS JOIN LATERAL (
       SELECT due_at
         FROM event_delivery
        WHERE sink = w.sink
          AND state = 'waiting'
          AND due_at IS NOT NULL
        ORDER BY due_at
        LIMIT 1) AS first
 CROSS JOIN LATERAL (
       SELECT CASE WHEN s.not_before > now() THEN greatest(s.not_before, first.due_at)
                   WHEN first.due_at > now() THEN first.due_at
                   ELSE coalesce((
                       SELECT now()
                         FROM event_delivery d
                        WHERE sink = w.sink
                          AND state = 'waiting'
                          AND due_at <= now()
                          AND (SELECT true
                                 FROM event_delivery e
                                WHERE e.batch_id = d.batch_id
                                  AND e.sink = d.sink
                                  AND e.seq < d.seq
                                  AND e.state = 'waiting'
                                  AND (e.failing_since IS NULL
                                       OR e.failing_since > now() - $3::integer * interval '1 s')
                                LIMIT 1) IS NULL
                        LIMIT 1), least((
                       SELECT min(e.due_at)
                         FROM event_delivery d
                        CROSS JOIN LATERAL (
                              SELECT max(least(due_at, failing_since + $3::integer * interval '1 s')) AS due_at
                                FROM event_delivery e
                               WHERE e.batch_id = d.batch_id
                                 AND e.sink = d.sink
                                 AND e.seq < d.seq
                                 AND e.state = 'waiting') AS e
                        WHERE sink = w.sink
                          AND state = 'waiting'
                          AND d.due_at <= now()), (
                       SELECT due_at
                         FROM event_delivery
                        WHERE sink = w.sink
                          AND state = 'waiting'
                          AND due_at > now()
                        ORDER BY due_at
                        LIMIT 1))) END AS due_at) AS n
 WHERE w.room > 0
   AND s.disabled_at IS NULL
