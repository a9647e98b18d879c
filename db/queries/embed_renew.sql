-- A claim goes on: of the chunks that are still its own. One whose row is locked is on its way to somebody else, or to its
-- end; waiting for it while others are held could end in a deadlock with a batch that replaces the document.
--   $1 claim_id   $2 chunk ids uuid[]   $3 length of the lease, microseconds
UPDATE pmoves_kb.chunks_next
   SET next_attempt_at = now() + $3::bigint * interval '1 us'
 WHERE chunk_id IN (SELECT chunk_id
                      FROM pmoves_kb.chunks_next
                     WHERE chunk_id = ANY ($2::uuid[])
                       AND claim_id = $1::uuid
                       FOR NO KEY UPDATE SKIP LOCKED)
