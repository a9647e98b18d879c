-- For LIKE and similarity().
-- :class   the operator class
CREATE INDEX idx_chunks_text_trigrams ON pmoves_kb.chunks USING gin (text :class);
