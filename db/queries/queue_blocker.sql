-- Who keeps the outbox's tables, or rows of them, to himself: of the sessions with a lock there, the one whose transaction
-- is the oldest. Whoever has locked a row has also locked its table, if lightly.
SELECT a.pid, coalesce(a.usename, '?'), coalesce(nullif(a.application_name, ''), '?')
  FROM pg_locks l
  JOIN pg_stat_activity a USING (pid)
 WHERE l.relation IN ('event_sink'::regclass, 'event_delivery'::regclass, 'event_outbox'::regclass,
                      'event_attempt'::regclass, 'event_dlq'::regclass)
   AND l.database = (SELECT oid FROM pg_database WHERE datname = current_database())
   AND l.granted
   AND a.pid <> pg_backend_pid()
 ORDER BY a.xact_start NULLS LAST, a.pid
 LIMIT 1
