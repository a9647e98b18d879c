-- migration_newer.sql for the knowledge base.
--   $1 number of the last one that this program knows
SELECT name FROM pmoves_kb.spoolgate_migration WHERE number > $1 ORDER BY number DESC LIMIT 1
