-- Which migrations this database has; made before anything else.
-- :history   the table
CREATE TABLE IF NOT EXISTS :history (
    number     integer PRIMARY KEY,
    name       text NOT NULL,
    checksum   text NOT NULL,       -- sha256 of the file
    applied_at timestamptz NOT NULL DEFAULT now()
)
