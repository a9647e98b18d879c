-- One index of a stream's table.
--   :what        INDEX or UNIQUE INDEX; with CONCURRENTLY outside of a transaction
--   :"index"     its name
--   :table       the table, quoted
--   :method      btree, brin, ...
--   :columns     its columns, quoted
CREATE :what IF NOT EXISTS :"index" ON :table USING :method (:columns);
