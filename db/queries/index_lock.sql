-- One `spoolgate index` a repository, for as long as the session lasts. False: another one has it.
--   $1 repository, as its documents' uris begin
SELECT pg_try_advisory_lock(hashtextextended('spoolgate index ' || $1, 0))
