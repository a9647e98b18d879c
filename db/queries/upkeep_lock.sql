-- One upkeep of a table at a time; who comes second has nothing to do. Of the session, since DETACH ...
-- CONCURRENTLY doesn't run in a transaction.
--   $1 oid of the table
SELECT pg_try_advisory_lock(hashtextextended('spoolgate upkeep ' || $1, 0))
