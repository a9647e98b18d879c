-- One partition. CREATE TABLE LIKE + ATTACH locks the parent lightly (SHARE UPDATE EXCLUSIVE), so
-- that other batches go on loading; CREATE TABLE ... PARTITION OF would lock them out.
--   :table :leaf        the parent and the partition, quoted
--   :'from' :'to'       the period's bounds
CREATE TABLE IF NOT EXISTS :leaf (LIKE :table INCLUDING ALL);
ALTER TABLE :leaf ENABLE ROW LEVEL SECURITY;
DROP POLICY IF EXISTS spoolgate_read ON :leaf;
CREATE POLICY spoolgate_read ON :leaf FOR SELECT USING (true);
ALTER TABLE :table ATTACH PARTITION :leaf FOR VALUES FROM (:'from') TO (:'to');
