-- Wakes whoever delivers events.
SELECT pg_notify('event_updates', '')
