-- A table as the catalog has it, beside the columns that a stream wants: one row for each column of either, and at
-- least one. Types are compared below domains, as COPY BINARY reads them.
--   $1 text      schema, or NULL for the configured one
--   $2 text      table
--   $3 text[]    the stream's columns
--   $4 text[]    their types, without dimensions
--   $5 integer[] the dimensions, 0 where there are none
--   $6 text[]    the privileges that loading takes
WITH RECURSIVE here AS (
    SELECT n.oid AS schema, c.oid AS id, c.relkind AS kind, c.relowner AS owner, v.nspname AS vector_schema
      FROM (SELECT coalesce($1::text, current_schema()::text)) AS wanted (schema)
      LEFT JOIN pg_namespace n ON n.nspname = wanted.schema
      LEFT JOIN pg_class c ON c.relnamespace = n.oid AND c.relname = $2::text
      LEFT JOIN pg_extension e ON e.extname = 'vector'
      LEFT JOIN pg_namespace v ON v.oid = e.extnamespace
), wanted AS (
    SELECT w.place, w.name, nullif(w.dimensions, 0) AS dimensions,
           coalesce(to_regtype(w.type), to_regtype(quote_ident(here.vector_schema) || '.' || w.type)) AS type
      FROM here, unnest($3::text[], $4::text[], $5::integer[]) WITH ORDINALITY AS w (name, type, dimensions, place)
), below (attnum, type, modifier, is_never_null, is_filled) AS (
    SELECT a.attnum, a.atttypid, a.atttypmod, a.attnotnull, a.atthasdef OR a.attidentity <> ''
      FROM here
      JOIN pg_attribute a ON a.attrelid = here.id
     WHERE a.attnum > 0
       AND NOT a.attisdropped
    UNION ALL
    SELECT b.attnum, t.typbasetype, t.typtypmod, b.is_never_null OR t.typnotnull,
           b.is_filled OR t.typdefault IS NOT NULL
      FROM below b
      JOIN pg_type t ON t.oid = b.type
     WHERE t.typtype = 'd'
), present AS (
    SELECT a.attname::text AS name, a.attnum, format_type(a.atttypid, a.atttypmod) AS shown,
           b.type, b.modifier, b.is_never_null, b.is_filled,
           a.attgenerated <> '' AS is_generated,
           a.attidentity = 'a' AS is_identity,
           -- NOT NULL by its domain, as an identity or in the primary key, and so for good
           NOT a.attnotnull
               OR a.attidentity <> ''
               OR EXISTS (SELECT FROM pg_index i
                           WHERE i.indrelid = a.attrelid
                             AND i.indisprimary
                             AND a.attnum = ANY (i.indkey)) AS stays_so,
           (SELECT string_agg(privilege, ', ')
              FROM unnest($6::text[]) AS privilege
             WHERE NOT has_column_privilege(a.attrelid, a.attnum, privilege)) AS lacks
      FROM below b
      JOIN pg_type t ON t.oid = b.type AND t.typtype <> 'd'
      JOIN here ON true
      JOIN pg_attribute a ON a.attrelid = here.id AND a.attnum = b.attnum
)
SELECT here.schema IS NOT NULL AS has_schema,
       has_schema_privilege(here.schema, 'USAGE') AS may_use,
       current_user AS me,
       here.vector_schema,
       here.id,
       here.kind,
       pg_get_userbyid(here.owner) AS owner,
       pg_has_role(here.owner, 'USAGE') AS is_ours,
       row_security_active(here.id) AS has_row_security,
       -- the column that it is partitioned by; empty where it is by anything else than ranges of one column
       (SELECT coalesce((SELECT a.attname::text
                           FROM pg_attribute a
                          WHERE a.attrelid = here.id
                            AND a.attnum = p.partattrs[0]
                            AND a.attnum > 0
                            AND p.partstrat = 'r'
                            AND p.partnatts = 1), '')
          FROM pg_partitioned_table p
         WHERE p.partrelid = here.id) AS partition_column,
       EXISTS (SELECT FROM pg_inherits
                WHERE inhparent = here.id
                  AND NOT inhdetachpending) AS has_leaves,
       w.place - 1 AS place,
       p.name,
       p.shown,
       p.lacks,
       w.type IS NOT NULL AS is_known,
       p.type = w.type AND p.modifier = coalesce(w.dimensions, -1) AS is_same,
       -- binary forms that are read as well: any precision, and what is text under another name
       p.type = w.type AND (w.dimensions IS NULL OR p.modifier IN (-1, w.dimensions))
           OR w.type = 'text'::regtype AND EXISTS (SELECT FROM pg_cast
                                                    WHERE castsource = w.type
                                                      AND casttarget = p.type
                                                      AND castmethod = 'b') AS fits,
       -- numeric(9,2) reads every numeric, and says nothing of the digits that it drops
       w.type = 'numeric'::regtype AND p.type = w.type AND p.modifier <> -1 AS rounds,
       p.is_never_null,
       p.is_filled,
       p.is_generated,
       p.is_identity,
       p.stays_so
  FROM here
  LEFT JOIN (wanted w FULL JOIN present p ON p.name = w.name) ON true
 ORDER BY w.place, p.attnum
