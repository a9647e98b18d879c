-- Roles with the least that they need. For psql, as a superuser (or the database's owner who may make roles), in the
-- database that spoolgate will use; as often as one likes:
--
--     psql -X -d DATABASE -v daemon=spoolgate -v reader=spoolgate_reader -v schema=spoolgate -f db/roles.sql
--     spoolgate migrate            # as the daemon's role, with the same schema in spoolgate.yaml
--     psql ... -f db/roles.sql     # once more, and after each upgrade: grants need tables
--
--   daemon      the daemon's role, for commands as well (default spoolgate). Owns its schema and pmoves_core, pmoves_kb, and so
--               what it makes in them. It may not make schemas (these are made here: CREATE on the database isn't
--               needed), roles or databases, and isn't bound by nor passes by row level security but as an owner
--   reader      (default spoolgate_reader) reads receipts, ledger, rejects, rows, the knowledge base and all views; tables
--               and partitions that are made later as well. Not: what events say and listeners answer, and the texts
--               of manifests, in which a listener's URL may be a secret
--   kb_reader   (default: none) a gateway's: reads what the knowledge base serves, kb_search and kb_nearest
--   schema      as in spoolgate.yaml (default spoolgate)
--
-- Passwords and pg_hba.conf stay yours: \password spoolgate, or `peer` for a local user of the role's name.

\set ON_ERROR_STOP on
\if :{?daemon} \else \set daemon spoolgate \endif
\if :{?reader} \else \set reader spoolgate_reader \endif
\if :{?kb_reader} \else \set kb_reader '' \endif
\if :{?schema} \else \set schema spoolgate \endif

BEGIN;
SET LOCAL client_min_messages = warning;
-- DO knows no variables of psql.
SELECT set_config('spoolgate.daemon', :'daemon', true), set_config('spoolgate.reader', :'reader', true),
       set_config('spoolgate.kb_reader', :'kb_reader', true), set_config('spoolgate.schema', :'schema', true) \gset ignored_

-- What makes no sense changes nothing.
DO $$
DECLARE
    daemon    text := current_setting('spoolgate.daemon');
    reader    text := current_setting('spoolgate.reader');
    kb_reader text := current_setting('spoolgate.kb_reader');
    schema    text := current_setting('spoolgate.schema');
    them      record;
BEGIN
    IF '' IN (daemon, reader, schema) THEN
        RAISE EXCEPTION 'daemon, reader and schema must have names';
    END IF;
    IF daemon IN (reader, kb_reader) OR reader = kb_reader THEN
        RAISE EXCEPTION 'the daemon''s role and those of readers must be different ones';
    END IF;
    IF schema ~ '^pg_' OR schema IN ('information_schema', 'pmoves_core', 'pmoves_kb') THEN
        RAISE EXCEPTION 'the schema % is not for this', schema;
    END IF;
    IF current_database() IN ('postgres', 'template1') THEN
        RAISE EXCEPTION 'this is the database %, which is the server''s; make one: CREATE DATABASE spool', current_database();
    END IF;
    FOR them IN SELECT * FROM pg_roles WHERE rolname IN (daemon, reader, kb_reader) LOOP
        IF them.rolsuper OR them.rolbypassrls OR them.rolcreaterole OR them.rolcreatedb OR them.rolreplication THEN
            RAISE EXCEPTION 'the role % may do more than it should', them.rolname
                  USING HINT = format('Take another name, or: ALTER ROLE %I NOSUPERUSER NOBYPASSRLS NOCREATEROLE NOCREATEDB NOREPLICATION',
                                      them.rolname);
        END IF;
        IF them.rolname <> daemon AND EXISTS (SELECT FROM pg_roles d WHERE d.rolname = daemon AND pg_has_role(them.oid, d.oid, 'MEMBER')) THEN
            RAISE EXCEPTION 'the role % is a member of %, and so may write', them.rolname, daemon
                  USING HINT = format('REVOKE %I FROM %I', daemon, them.rolname);
        END IF;
    END LOOP;
    FOR them IN SELECT nspname, pg_get_userbyid(nspowner) AS owner FROM pg_namespace
                 WHERE nspname = schema AND nspname <> 'public' AND pg_get_userbyid(nspowner) <> daemon LOOP
        RAISE EXCEPTION 'the schema % belongs to %', them.nspname, them.owner
              USING HINT = format('Take another name, or: ALTER SCHEMA %I OWNER TO %I', them.nspname, daemon);
    END LOOP;
END
$$;

-- Roles.
SELECT format('CREATE ROLE %I LOGIN', r.name)
  FROM unnest(ARRAY[:'daemon', :'reader', :'kb_reader']) AS r (name)
 WHERE r.name <> '' AND NOT EXISTS (SELECT FROM pg_roles WHERE rolname = r.name) \gexec
SELECT format('GRANT CONNECT ON DATABASE %I TO %I', current_database(), r.name)
  FROM unnest(ARRAY[:'daemon', :'reader', :'kb_reader']) AS r (name)
 WHERE r.name <> '' \gexec
-- Rows with a key, and vectors, go through temporary tables.
SELECT format('GRANT TEMPORARY ON DATABASE %I TO %I', current_database(), :'daemon') \gexec

-- Schemas. Who isn't a superuser has to have the rights of the role that is to own one; who made it hasn't by that alone.
SELECT format('GRANT %I TO CURRENT_USER', :'daemon') WHERE NOT pg_has_role(:'daemon', 'USAGE') \gexec
SELECT format('CREATE SCHEMA %I AUTHORIZATION %I', s.name, :'daemon')
  FROM unnest(ARRAY[:'schema', 'pmoves_core', 'pmoves_kb']) AS s (name)
 WHERE to_regnamespace(quote_ident(s.name)) IS NULL \gexec
-- public, and schemas whose tables are adopted, keep their owners; `migrate` says what it lacks of such tables.
SELECT format('GRANT USAGE, CREATE ON SCHEMA %I TO %I', nspname, :'daemon')
  FROM pg_namespace
 WHERE nspname IN (:'schema', 'pmoves_core', 'pmoves_kb') AND pg_get_userbyid(nspowner) <> :'daemon' \gexec
-- Nobody else puts anything where the daemon looks its tables up.
SELECT format('REVOKE CREATE ON SCHEMA %I FROM PUBLIC', s.name)
  FROM unnest(ARRAY[:'schema', 'pmoves_core', 'pmoves_kb']) AS s (name) \gexec

-- Extensions: pgvector's vectors, and trigrams for searches by parts of words. Without them arrays and whole words do.
SELECT format('CREATE EXTENSION IF NOT EXISTS %I', name)
  FROM pg_available_extensions
 WHERE name IN ('vector', 'pg_trgm') AND installed_version IS NULL
   AND (SELECT rolsuper FROM pg_roles WHERE rolname = current_user) \gexec

-- Readers.
SELECT format('GRANT USAGE ON SCHEMA %I TO %I', s.name, r.name)
  FROM unnest(ARRAY[:'schema', 'pmoves_core', 'pmoves_kb']) AS s (name), unnest(ARRAY[:'reader', :'kb_reader']) AS r (name)
 WHERE r.name <> '' \gexec
SELECT to_regclass(format('%I.event_dlq', :'schema')) IS NOT NULL AS is_migrated,
       to_regclass('pmoves_kb.embedding') IS NOT NULL AS has_knowledge \gset
\if :is_migrated
GRANT SELECT ON ALL TABLES IN SCHEMA :"schema", pmoves_core, pmoves_kb TO :"reader";
-- But not all of these. A grant on columns counts beside one on the table, so the latter goes first.
REVOKE SELECT ON :"schema".event_outbox, :"schema".event_delivery, :"schema".event_attempt, :"schema".event_dlq,
                 :"schema".manifest_set FROM :"reader";
SELECT format('GRANT SELECT (%s) ON %I.%I TO %I', string_agg(quote_ident(a.attname), ', ' ORDER BY a.attnum), :'schema', c.relname, :'reader')
  FROM pg_class c
  JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
 WHERE c.relnamespace = to_regnamespace(quote_ident(:'schema'))
   AND c.relname IN ('event_outbox', 'event_delivery', 'event_attempt', 'event_dlq', 'manifest_set')
   AND (c.relname, a.attname) NOT IN (('event_outbox', 'payload'), ('event_delivery', 'body'), ('event_attempt', 'answer'),
                                      ('event_dlq', 'payload'), ('manifest_set', 'files'), ('manifest_set', 'source'))
 GROUP BY c.relname \gexec
-- Streams and partitions that come later. Set only now: before the first migration it would open what is shut above.
ALTER DEFAULT PRIVILEGES FOR ROLE :"daemon" IN SCHEMA :"schema" GRANT SELECT ON TABLES TO :"reader";
\else
\warn 'db/roles.sql: roles and schemas are made. Now run `spoolgate migrate`, then this once more: readers may read nothing yet.'
\endif
\if :has_knowledge
SELECT format('GRANT SELECT ON pmoves_core.assets, pmoves_kb.documents, pmoves_kb.sections, pmoves_kb.chunks, pmoves_kb.embedding TO %I',
              :'kb_reader')
 WHERE :'kb_reader' <> '' \gexec
\endif
COMMIT;
