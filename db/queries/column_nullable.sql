-- :table       a stream's table, quoted
-- :"column"
ALTER TABLE :table ALTER COLUMN :"column" DROP NOT NULL;
