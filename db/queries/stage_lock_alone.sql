-- stage_lock_alone
-- The exclusive side of stage_lock.
--   $1 the table's name, quoted
SELECT pg_advisory_xact_lock(hashtextextended('spoolgate table ' || $1::regclass::oid, 0))
