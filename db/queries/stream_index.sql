-- One index of a stream's table.
--   :unique          empty, or UNIQUE
--   :concurrently    empty, or CONCURRENTLY: then outside of a transaction
--   :"index"         its name
--   :table           the table, quoted
--   :method          btree, brin, ...
--   :columns         its columns, quoted
CREATE :unique INDEX :concurrently IF NOT EXISTS :"index" ON :table USING :method (:columns);
