-- Bodies that were just rendered, kept for all further attempts. Rows: $6 of those whose claim is still ours.
--   $1 claim_id   $2 event ids uuid[]   $3 sinks text[]   $4 bodies bytea[]   $5 content types text[]
--   $6 numbers bigint[], the caller's
UPDATE event_delivery d
   SET body = n.body, content_type = n.content_type
  FROM unnest($2::uuid[], $3::text[], $4::bytea[], $5::text[], $6::bigint[]) AS n (event_id, sink, body, content_type, nr)
 WHERE d.event_id = n.event_id
   AND d.sink = n.sink
   AND d.claim_id = $1::uuid
RETURNING n.nr
