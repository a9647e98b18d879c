-- Every embedder that was ever used has a row.
--   $1 embedder
INSERT INTO pmoves_kb.embedder (embedder)
VALUES ($1::text)
    ON CONFLICT DO NOTHING
