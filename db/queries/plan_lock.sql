-- One `apply` at a time. Asked again and again rather than waited for: CREATE INDEX CONCURRENTLY of the one that has the
-- lock would wait for the statement that waits here.
SELECT pg_try_advisory_lock(hashtextextended('spoolgate apply', 0))
