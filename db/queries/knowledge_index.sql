-- Nearest neighbours by cosine.
-- :class   the operator class
CREATE INDEX chunks_embedding_cosine ON pmoves_kb.chunks USING hnsw (embedding :class);
