-- :history   the table of the history
-- $1 number  $2 name  $3 checksum
INSERT INTO :history (number, name, checksum) VALUES ($1, $2, $3)
