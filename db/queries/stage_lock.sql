-- stage_lock
-- Loaders whose rows go into a table in key order may be at it side by side; one that can't keep to that order has to
-- be alone. Until the end of the transaction.
--   $1 the table's name, quoted
SELECT pg_advisory_xact_lock_shared(hashtextextended('spoolgate table ' || $1::regclass::oid, 0))
