-- A trial waits for nobody: ingest goes first.
BEGIN;
SET LOCAL lock_timeout = '1s';
