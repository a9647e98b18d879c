-- One batch with frames of the knowledge base at a time in a database, to the end of its transaction.
SELECT pg_advisory_xact_lock(hashtextextended('spoolgate knowledge', 0))
