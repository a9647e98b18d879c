-- The session is the loader's again.
RESET lock_timeout
