COPY pg_temp.kb_asset (n, uri, given_id, derived_id, previous_uri, is_described, problem,
                       type, mime, title, source, license, checksum, size_bytes, language, transcript_uri,
                       thumbnail_uri, created_at, meta, type_guess)
FROM STDIN (FORMAT binary)
