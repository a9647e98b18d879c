-- One migration at a time, whoever runs it; held to the end of the transaction.
SELECT pg_advisory_xact_lock(hashtextextended('spoolgate migrate', 0))
