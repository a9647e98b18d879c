-- Daemons that share a database make partitions one after the other; a long reader must not make
-- ingest wait behind a queued lock.
BEGIN;
SET LOCAL lock_timeout = '3s';
SELECT pg_advisory_xact_lock(hashtextextended('spoolgate partitions ' || current_schema(), 0));
