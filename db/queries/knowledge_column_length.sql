-- real[] doesn't know its length.
-- :table
-- :"constraint"
-- :dimensions
ALTER TABLE :table ADD CONSTRAINT :"constraint" CHECK (array_length(embedding, 1) = :dimensions);
