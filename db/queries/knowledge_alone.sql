-- Alone with the tables: before any of them is changed, no batch and no settlement is under way, since those lock rows and
-- tables in an order of their own.
SELECT pg_advisory_xact_lock(hashtextextended('spoolgate knowledge', 0));
LOCK TABLE pmoves_kb.documents IN EXCLUSIVE MODE;
