-- What was left of an index that could not be built.
--   :concurrently    empty, or CONCURRENTLY: then outside of a transaction
--   :index           its name, quoted
DROP INDEX :concurrently IF EXISTS :index;
