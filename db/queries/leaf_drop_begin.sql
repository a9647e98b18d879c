-- From here on nobody can rename, attach or mark the table.
--   :leaf    quoted
BEGIN;
LOCK TABLE :leaf IN ACCESS EXCLUSIVE MODE;
