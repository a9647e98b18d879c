-- What keeps tables that are there from being adopted, and the statement that helps: a row each.
--   what  text, for people
--   help  SQL to run by hand
--
-- The loader COPYs chunks and sections in binary, so their types must be ours to the byte; assets and documents go in by
-- INSERT, but a value must not be cut or refused on its way. A column that isn't in the list is somebody else's: it must
-- do without a value of ours.
WITH wanted (name, columns) AS (
    VALUES ('pmoves_core.assets', '{"asset_id": "uuid", "uri": "text", "type": "text", "mime": "text?", "title": "text?",
                "source": "text?", "license": "text?", "checksum": "text?", "size_bytes": "bigint?", "language": "text?",
                "transcript_uri": "text?", "thumbnail_uri": "text?", "created_at": "timestamptz", "updated_at": "timestamptz",
                "meta": "jsonb?", "batch_id": "uuid?"}'::jsonb),
           ('pmoves_kb.documents', '{"doc_id": "uuid", "asset_id": "uuid", "title": "text?", "meta": "jsonb?",
                "created_at": "timestamptz", "revision": "integer", "sha256": "bytea?", "status": "text",
                "updated_at": "timestamptz", "batch_id": "uuid?", "head_batch_id": "uuid?"}'),
           ('pmoves_kb.sections', '{"section_id": "uuid", "doc_id": "uuid", "idx": "integer", "heading": "text?", "meta": "jsonb?"}'),
           ('pmoves_kb.chunks', '{"chunk_id": "uuid", "doc_id": "uuid", "section_id": "uuid?", "pack_id": "uuid?", "text": "text",
                "tokens": "integer", "idx": "integer", "window": "integer?", "overlap": "integer?", "md": "jsonb?",
                "created_at": "timestamptz", "embedding_status": "text", "sha256": "bytea?", "model": "text?", "error": "text?",
                "text_search": "tsvector?", "embedding": "any?"}')
), found AS (
    SELECT w.name, c.oid, c.relkind, w.columns
      FROM wanted w
      JOIN pg_namespace n ON n.nspname = split_part(w.name, '.', 1)
      JOIN pg_class c ON c.relnamespace = n.oid AND c.relname = split_part(w.name, '.', 2)
), column_of AS (
    SELECT f.name, f.columns, a.attname, a.attnum, a.attnotnull, a.atthasdef, a.attidentity, a.attgenerated,
           format_type(a.atttypid, a.atttypmod) AS type,
           -- a domain is read as what it is made of
           format_type(CASE WHEN t.typtype = 'd' THEN t.typbasetype ELSE a.atttypid END,
                       CASE WHEN t.typtype = 'd' THEN t.typtypmod ELSE a.atttypmod END) AS base,
           rtrim(f.columns ->> a.attname, '?') AS wanted,
           right(f.columns ->> a.attname, 1) = '?' AS may_be_null,
           format('ALTER TABLE %s ALTER COLUMN %I', f.name, a.attname) AS change
      FROM found f
      JOIN pg_attribute a ON a.attrelid = f.oid AND a.attnum > 0 AND NOT a.attisdropped
      JOIN pg_type t ON t.oid = a.atttypid
     WHERE f.relkind = 'r'
)
SELECT name || ' is not a table' AS what, format('ALTER %s %s RENAME TO %I', CASE relkind WHEN 'v' THEN 'VIEW'
           WHEN 'm' THEN 'MATERIALIZED VIEW' WHEN 'f' THEN 'FOREIGN TABLE' ELSE 'TABLE' END, name,
           split_part(name, '.', 2) || '_before') AS help
  FROM found
 WHERE relkind <> 'r'
UNION ALL
SELECT format('%s has no unique index on %s alone', f.name, k.key), format('ALTER TABLE %s ADD UNIQUE (%I)', f.name, k.key)
  FROM found f
  JOIN (VALUES ('pmoves_core.assets', 'asset_id'), ('pmoves_kb.documents', 'doc_id'), ('pmoves_kb.sections', 'section_id'),
               ('pmoves_kb.chunks', 'chunk_id')) AS k (name, key) USING (name)
 WHERE f.relkind = 'r'
   AND NOT EXISTS (SELECT FROM pg_index i
                     JOIN pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = i.indkey[0]
                    WHERE i.indrelid = f.oid AND i.indisunique AND i.indisvalid AND i.indimmediate AND i.indpred IS NULL
                      AND i.indnkeyatts = 1 AND a.attname = k.key)
UNION ALL
-- A chunk that another one is put before moves on to the next idx, while that is still taken.
SELECT format('%s has the unique index %I, which is checked row by row while a new revision moves chunks and sections',
              f.name, c.relname),
       coalesce(format('ALTER TABLE %s DROP CONSTRAINT %I, ADD CONSTRAINT %2$I %s DEFERRABLE INITIALLY DEFERRED', f.name,
                       k.conname, pg_get_constraintdef(k.oid)),
                format('DROP INDEX %s', c.oid::regclass))
  FROM found f
  JOIN pg_index i ON i.indrelid = f.oid AND i.indisunique AND i.indimmediate
  JOIN pg_class c ON c.oid = i.indexrelid
  LEFT JOIN pg_constraint k ON k.conindid = i.indexrelid AND k.contype IN ('p', 'u') AND k.conrelid = f.oid
 WHERE f.relkind = 'r' AND f.name IN ('pmoves_kb.sections', 'pmoves_kb.chunks')
   AND EXISTS (SELECT FROM pg_attribute a
                WHERE a.attrelid = f.oid AND a.attnum = ANY (i.indkey) AND a.attname = 'idx')
UNION ALL
SELECT format('%s.%s is %s, and %s is wanted', name, attname, type, wanted),
       format('%s TYPE %s USING %I::%s', change, wanted, attname, wanted)
  FROM column_of
 WHERE wanted <> 'any'
   AND base <> ALL (CASE wanted
                    WHEN 'text' THEN '{text,character varying,citext}'::text[]
                    WHEN 'timestamptz' THEN '{timestamp with time zone,timestamp without time zone}'
                    WHEN 'bigint' THEN '{bigint,numeric}'
                    ELSE ARRAY[wanted] END)
UNION ALL
SELECT format('%s.%s is %s, and no type of vectors', name, attname, type),
       CASE WHEN type LIKE '%[]' THEN change || ' TYPE real[] USING embedding::real[]'
            ELSE format('ALTER TABLE %s RENAME COLUMN embedding TO embedding_before', name) END
  FROM column_of
 WHERE wanted = 'any'
   AND base <> 'real[]'
   AND base !~ '(^|\.)(vector|halfvec)(\(|$)'
UNION ALL
SELECT format('%s.%s is NOT NULL, and may be without a value', name, attname), change || ' DROP NOT NULL'
  FROM column_of
 WHERE attnotnull AND may_be_null
UNION ALL
SELECT format('%s.%s is NOT NULL without a default, and spoolgate has no value for it', name, attname),
       change || ' DROP NOT NULL'
  FROM column_of
 WHERE wanted IS NULL AND attnotnull AND NOT atthasdef AND attidentity = ''
UNION ALL
-- What spoolgate counts and decides by: a column of that name that somebody else keeps is in the way. (Of a table that
-- is adopted a CHECK sees to the values. A statement here can't name a column that not every database has.)
SELECT format(CASE WHEN NOT attnotnull THEN '%s.%s may be NULL, and spoolgate needs its own'
                   WHEN values IS NULL THEN '%s.%s has no default, and spoolgate needs its own'
                   ELSE '%s.%s has values that aren''t spoolgate''s' END, name, attname),
       format('ALTER TABLE %s RENAME COLUMN %I TO %I', name, attname, attname || '_before')
  FROM column_of
  JOIN (VALUES ('pmoves_kb.documents', 'revision', NULL),
               ('pmoves_kb.documents', 'status', '{pending,complete,partial,retired}'::text[]),
               ('pmoves_kb.chunks', 'embedding_status', '{pending,complete,failed}')) AS own (name, attname, values)
       USING (name, attname)
 WHERE base = wanted
   AND CASE WHEN NOT attnotnull THEN true
            WHEN values IS NULL THEN NOT atthasdef
            ELSE NOT EXISTS (SELECT FROM pg_constraint k
                              WHERE k.conrelid = name::regclass AND k.conname LIKE '%\_status\_is\_known')
                 AND query_to_xml(format('SELECT 1 FROM %s WHERE %I <> ALL (%L) LIMIT 1', name, attname, values),
                                  false, true, '')::text <> ''
       END
UNION ALL
SELECT format('%s.%s is generated, and spoolgate writes it', name, attname), change || ' DROP EXPRESSION'
  FROM column_of
 WHERE attgenerated <> '' AND wanted IS NOT NULL AND attname <> 'text_search'
 ORDER BY 1
