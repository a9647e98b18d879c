-- Vectors, on their way to their chunks.
COPY pg_temp.embed_result (chunk_id, embedding) FROM STDIN (FORMAT binary)
