COPY pg_temp.kb_document (n, asset, given_id, derived_id, checksum, is_head, is_retired, title, meta,
                          digest, chunks, vectors, problem)
FROM STDIN (FORMAT binary)
