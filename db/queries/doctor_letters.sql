-- Dead letters of this spool's events, and of those that are no spool's, by sink, with the last one's error.
--   $1 spool_id
SELECT q.sink, count(*), (array_agg(left(q.error, 200) ORDER BY q.id DESC))[1]
  FROM event_dlq q
  LEFT JOIN event_outbox e USING (event_id)
 WHERE q.retried_at IS NULL
   AND q.sink IS NOT NULL
   AND (e.spool_id = $1::uuid OR e.spool_id IS NULL)
 GROUP BY q.sink
 ORDER BY q.sink
