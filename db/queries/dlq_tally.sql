-- Dead letters that wait to be redriven, counted: a JSON object each sink and type of event.
--   each may be NULL: $1 sink   $2 event_type   $3 created at or after   $4 created before   $5 ids bigint[]
SELECT json_build_object(
           'sink', sink,
           'event_type', event_type,
           'letters', count(*),
           'oldest', min(created_at),
           'newest', max(created_at))
  FROM event_dlq
 WHERE retried_at IS NULL
   AND ($1::text IS NULL OR sink = $1::text)
   AND ($2::text IS NULL OR event_type = $2::text)
   AND ($3::timestamptz IS NULL OR created_at >= $3::timestamptz)
   AND ($4::timestamptz IS NULL OR created_at < $4::timestamptz)
   AND ($5::bigint[] IS NULL OR id = ANY ($5::bigint[]))
 GROUP BY sink, event_type
 ORDER BY sink COLLATE "C", event_type COLLATE "C"
