-- stage_merge
-- From the stage into the table: of each key the row that counts, in key order, so that two loaders lock the same
-- rows in the same order.
--   :table :columns    the stream's table and its columns, quoted
--   :"stage" :names    the stage and its columns
--   :keys              those of the key, in the stage
--   :order             the key, and then what puts the row that counts first
--   :conflict          the key's columns in the table, quoted
--   :action            NOTHING, or UPDATE SET ...
INSERT INTO :table AS there (:columns)
SELECT DISTINCT ON (:keys) :names
  FROM pg_temp.:"stage"
 ORDER BY :order
    ON CONFLICT (:conflict) DO :action
