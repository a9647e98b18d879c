-- What vectors this database has, from now on. Of another length there can't be a model that made the old ones.
-- :'type'
-- :dimensions
INSERT INTO pmoves_kb.embedding (type, dimensions) VALUES (:'type', :dimensions)
ON CONFLICT (one) DO UPDATE
   SET type = excluded.type, dimensions = excluded.dimensions,
       model = CASE WHEN embedding.dimensions = excluded.dimensions THEN embedding.model END, changed_at = clock_timestamp();
