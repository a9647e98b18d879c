-- Dead letters as JSON, the newest first, without their payloads.
--   $1 sink or NULL   $2 event_type or NULL   $3 created at or after, or NULL
--   $4 true: those that were redriven, too   $5 how many   $6 created before, or NULL
SELECT to_jsonb(d) - 'payload' || jsonb_build_object('batch_id', d.payload->'batch_id')
  FROM event_dlq d
 WHERE ($1::text IS NULL OR sink = $1)
   AND ($2::text IS NULL OR event_type = $2)
   AND ($3::timestamptz IS NULL OR created_at >= $3)
   AND ($6::timestamptz IS NULL OR created_at < $6)
   AND ($4::boolean OR retried_at IS NULL)
 ORDER BY created_at DESC, id DESC
 LIMIT $5
