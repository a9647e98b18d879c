-- The first embedder that has something to do says which model this database's vectors are of.
--   $1 model   $2 dimensions
UPDATE pmoves_kb.embedding
   SET model = $1::text, changed_at = now()
 WHERE model IS NULL
   AND dimensions = $2::integer
