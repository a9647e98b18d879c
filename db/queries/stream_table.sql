-- A stream's table.
--   :table           its name, quoted
--   :definitions     its columns, quoted
--   :partitioning    empty, or PARTITION BY RANGE (...)
CREATE TABLE IF NOT EXISTS :table (
    :definitions
):partitioning;
ALTER TABLE :table ENABLE ROW LEVEL SECURITY;
DROP POLICY IF EXISTS spoolgate_read ON :table;
CREATE POLICY spoolgate_read ON :table FOR SELECT USING (true);
