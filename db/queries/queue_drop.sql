-- Some dead letters that wait to be redriven are forgotten. Their deliveries stay dead, until the events are pruned.
--   each may be NULL: $1 sink   $2 event_type   $3 since   $4 until   $5 ids bigint[]
DELETE FROM event_dlq
 WHERE id IN (
           SELECT id
             FROM event_dlq
            WHERE retried_at IS NULL
              AND ($1::text IS NULL OR sink = $1::text)
              AND ($2::text IS NULL OR event_type = $2::text)
              AND ($3::timestamptz IS NULL OR created_at >= $3::timestamptz)
              AND ($4::timestamptz IS NULL OR created_at < $4::timestamptz)
              AND ($5::bigint[] IS NULL OR id = ANY ($5::bigint[]))
            LIMIT 5000
              FOR UPDATE SKIP LOCKED)
