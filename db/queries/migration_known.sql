-- The history of this database.
SELECT number, name, checksum FROM spoolgate_migration ORDER BY number
