-- Is this still the table that was found, in nobody's hands and marked?
--   $1 its name, quoted
--   $2 its oid
--   $3 its mark
SELECT EXISTS (
           SELECT FROM pg_class
            WHERE oid = $2::oid
              AND oid = to_regclass($1)
              AND relkind = 'r'
              AND obj_description(oid, 'pg_class') = $3
              AND NOT EXISTS (SELECT FROM pg_inherits WHERE pg_class.oid IN (inhrelid, inhparent)))
