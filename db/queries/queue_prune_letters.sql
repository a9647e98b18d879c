-- Some dead letters that were redriven long ago.
--   $1 before   $2 spool_id
DELETE FROM event_dlq
 WHERE id IN (
           SELECT q.id
             FROM event_dlq q
             LEFT JOIN event_outbox e USING (event_id)
            WHERE q.retried_at < $1::timestamptz
              AND (e.spool_id = $2::uuid OR e.spool_id IS NULL)
            LIMIT 5000)
