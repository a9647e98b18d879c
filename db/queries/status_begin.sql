-- A look by the status server: it changes nothing, and gives up where it would have to wait.
BEGIN READ ONLY; SET LOCAL statement_timeout = '10s'; SET LOCAL lock_timeout = '1s'
