-- For the history of db/knowledge, which is there before the first of its migrations. Asked first: CREATE SCHEMA wants the
-- right even where IF NOT EXISTS has nothing to do.
DO $$
BEGIN
    IF to_regnamespace('pmoves_kb') IS NULL THEN
        CREATE SCHEMA pmoves_kb;
    END IF;
END
$$
