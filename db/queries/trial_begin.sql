-- A trial waits for nobody, and holds nobody up for long: ingest goes first.
BEGIN;
SET LOCAL lock_timeout = '1s';
SET LOCAL statement_timeout = '30s';
SET LOCAL idle_in_transaction_session_timeout = '5s';
