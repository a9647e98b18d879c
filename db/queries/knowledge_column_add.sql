-- The vectors of a table: uncompressed, since compression finds nothing in them.
-- :table
-- :type
ALTER TABLE :table ADD COLUMN embedding :type;
ALTER TABLE :table ALTER COLUMN embedding SET STORAGE EXTERNAL;
