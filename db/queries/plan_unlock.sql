-- The end of plan_lock.sql.
SELECT pg_advisory_unlock(hashtextextended('spoolgate apply', 0))
