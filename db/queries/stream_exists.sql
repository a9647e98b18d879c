-- Is the stream's parent there?
--   $1 table name
SELECT to_regclass(quote_ident($1)) IS NOT NULL
