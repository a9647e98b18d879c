-- What was left of an index that could not be built.
--   :what     INDEX, or INDEX CONCURRENTLY outside of a transaction
--   :index    its name, quoted
DROP :what IF EXISTS :index;
