-- stage_create
-- Where a batch's rows for a table with a key wait for stage_merge. Its columns have the table's types and none of
-- its constraints; they go by numbers, so that n, the order in which COPY brought the rows, is a free name.
--   :"stage"     its name; always with pg_temp, so that no table can be mistaken for it
--   :names       c0, c1, ...: one for each of the stream's columns
--   :columns     the stream's columns, quoted
--   :table       the stream's table, quoted
CREATE TEMPORARY TABLE pg_temp.:"stage" (:names) ON COMMIT DROP
    AS SELECT :columns FROM :table WITH NO DATA;
ALTER TABLE pg_temp.:"stage" ADD COLUMN n bigint GENERATED ALWAYS AS IDENTITY (CACHE 1000)
