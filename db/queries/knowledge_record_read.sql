-- The vectors that this database has: no row where none was ever chosen.
SELECT type, dimensions, model FROM pmoves_kb.embedding
