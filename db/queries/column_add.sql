-- :table         a stream's table, quoted
-- :definition    the column, as in CREATE TABLE
ALTER TABLE :table ADD COLUMN :definition;
