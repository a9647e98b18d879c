-- Is the table there?
--   $1 its name, quoted
SELECT to_regclass($1) IS NOT NULL
