-- Takes one partition out of its table.
--   :table :leaf    both quoted
--   :how            CONCURRENTLY (not in a transaction), FINALIZE for one that was broken off, or empty
ALTER TABLE :table DETACH PARTITION :leaf :how;
