-- The last migration, where it is one of a newer program. Asked behind the statements of a transaction, so that the
-- tables they went to are locked: who alters those comes before, and is seen, or after the COMMIT.
--   $1 number of the last one that this program knows
SELECT name FROM spoolgate_migration WHERE number > $1 ORDER BY number DESC LIMIT 1
