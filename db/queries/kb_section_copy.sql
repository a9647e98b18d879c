COPY pg_temp.kb_section (section_id, doc_id, idx, heading, meta) FROM STDIN (FORMAT binary)
