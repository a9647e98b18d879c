-- stage_empty
-- Between two blocks of rows. The stage is of this transaction, so its file is just cut.
--   :"stage"     its name
TRUNCATE pg_temp.:"stage"
