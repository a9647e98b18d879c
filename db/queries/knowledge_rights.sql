-- What the role lacks to make pmoves_core and pmoves_kb, or to change the tables in them.
--   what  text, for people
--   help  SQL for somebody who may
SELECT format('the role %s may not make the schema %s in the database %s', current_user, s.name, current_database()) AS what,
       format('GRANT CREATE ON DATABASE %I TO %I', current_database(), current_user) AS help
  FROM unnest('{pmoves_core,pmoves_kb}'::text[]) AS s (name)
 WHERE to_regnamespace(s.name) IS NULL
   AND NOT has_database_privilege(current_database(), 'CREATE')
UNION ALL
SELECT format('the role %s may not make tables in the schema %s', current_user, s.name),
       format('GRANT USAGE, CREATE ON SCHEMA %s TO %I', s.name, current_user)
  FROM unnest('{pmoves_core,pmoves_kb}'::text[]) AS s (name)
 WHERE to_regnamespace(s.name) IS NOT NULL
   AND NOT (has_schema_privilege(to_regnamespace(s.name), 'CREATE') AND has_schema_privilege(to_regnamespace(s.name), 'USAGE'))
UNION ALL
SELECT format('%s belongs to %s', c.oid::regclass, pg_get_userbyid(c.relowner)),
       format('ALTER TABLE %s OWNER TO %I', c.oid::regclass, current_user)
  FROM pg_class c
 WHERE c.oid IN (to_regclass('pmoves_core.assets'), to_regclass('pmoves_kb.documents'), to_regclass('pmoves_kb.sections'),
                 to_regclass('pmoves_kb.chunks'))
   AND NOT pg_has_role(c.relowner, 'USAGE')
