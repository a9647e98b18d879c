-- The same, and it stays so until the end of the transaction.
SELECT type, dimensions, coalesce(model, '') AS model
  FROM pmoves_kb.embedding
   FOR SHARE
