--   $1 oid of the table
SELECT pg_advisory_unlock(hashtextextended('spoolgate upkeep ' || $1, 0))
