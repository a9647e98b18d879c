-- One index of a stream's table.
--   :unique     empty, or UNIQUE
--   :"index"    its name
--   :table      the table, quoted
--   :method     btree, brin, ...
--   :columns    its columns, quoted
CREATE :unique INDEX IF NOT EXISTS :"index" ON :table USING :method (:columns);
