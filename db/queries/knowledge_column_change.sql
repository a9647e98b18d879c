-- Vectors of another type: those that are there are converted. What was built on the old type goes first.
-- :table
-- :type
-- :'constraint'   checks the length of real[]
-- :value          what becomes of a vector
DO $$
DECLARE
    index regclass;
BEGIN
    FOR index IN
        SELECT i.indexrelid
          FROM pg_index i
          JOIN pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = ANY (i.indkey)
         WHERE i.indrelid = :'table'::regclass AND a.attname = 'embedding' LOOP
        EXECUTE format('DROP INDEX %s', index);
    END LOOP;
END
$$;
ALTER TABLE :table
    DROP CONSTRAINT IF EXISTS :"constraint",
    ALTER COLUMN embedding DROP DEFAULT,
    ALTER COLUMN embedding TYPE :type USING :value;
ALTER TABLE :table ALTER COLUMN embedding SET STORAGE EXTERNAL;
