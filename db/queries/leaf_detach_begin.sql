-- Where there is a default partition, DETACH can't be CONCURRENTLY and shuts everybody out of the table.
-- While it queues for that, so does ingest: it doesn't queue for long.
BEGIN;
SET LOCAL lock_timeout = '100ms';
