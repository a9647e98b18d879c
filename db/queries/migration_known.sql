-- The history of this database.
-- :history   its table
SELECT number, name, checksum FROM :history ORDER BY number
