-- What COPY appended to a partition is in no BRIN summary yet, and every query reads all of it.
--   $1 partition, quoted
SELECT sum(brin_summarize_new_values(i.indexrelid))
  FROM pg_index i
  JOIN pg_class c ON c.oid = i.indexrelid
  JOIN pg_am a ON a.oid = c.relam
 WHERE i.indrelid = to_regclass($1)
   AND a.amname = 'brin'
