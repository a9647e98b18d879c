-- Tables that carry the mark of a pass that was broken off between detaching and dropping.
--   $1 oid of the table that they were partitions of
--   $2 how their marks begin
SELECT c.oid, c.relname, mark.description
  FROM pg_description mark
  JOIN pg_class c ON c.oid = mark.objoid
  JOIN pg_class parent ON parent.oid = $1::oid
 WHERE mark.classoid = 'pg_class'::regclass
   AND mark.objsubid = 0
   AND starts_with(mark.description, $2)
   AND c.relnamespace = parent.relnamespace
   AND c.relkind = 'r'
   AND NOT EXISTS (SELECT FROM pg_inherits WHERE inhrelid = c.oid)
 ORDER BY c.relname
