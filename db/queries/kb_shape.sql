-- What vectors this database has. No row: no knowledge base.
SELECT type, dimensions, coalesce(model, '') AS model
  FROM pmoves_kb.embedding
