-- Puts a set of manifests on record, once.
--   $1 sha256  $2 rev  $3 source  $4 files as JSON
INSERT INTO manifest_set (sha256, rev, source, files)
VALUES ($1, $2, $3, $4)
    ON CONFLICT (sha256) DO NOTHING
