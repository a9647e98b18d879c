-- Is there any row?
--   :table    quoted
SELECT EXISTS (SELECT FROM :table)
