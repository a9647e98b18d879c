-- :table       a stream's table, quoted
-- :"column"
ALTER TABLE :table DROP COLUMN :"column";
