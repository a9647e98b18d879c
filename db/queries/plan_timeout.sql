-- For the rest of the transaction: whoever loads or reads must not queue for long behind a lock that we wait for.
SET LOCAL lock_timeout = '1s'
