-- Fails with 23502 where a row has none.
--   :table       a stream's table, quoted
--   :"column"
ALTER TABLE :table ALTER COLUMN :"column" SET NOT NULL;
