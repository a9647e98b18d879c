-- The parent table of a stream, partitioned by day.
--   :"table"        its name
--   :definitions    its columns, quoted
--   :"by"           the time column
--   :"index"        name of the BRIN index
CREATE TABLE IF NOT EXISTS :"table" (
    :definitions
) PARTITION BY RANGE (:"by");
CREATE INDEX IF NOT EXISTS :"index" ON :"table" USING brin (:"by");
ALTER TABLE :"table" ENABLE ROW LEVEL SECURITY;
DROP POLICY IF EXISTS spoolgate_read ON :"table";
CREATE POLICY spoolgate_read ON :"table" FOR SELECT USING (true);
