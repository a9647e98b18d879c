-- Which manifests a batch was loaded by.
ALTER TABLE ingestion_manifest
    ADD COLUMN manifest_rev    text,  -- the commit, "+dirty" behind it where they differ from it; or sha256:HEX
    ADD COLUMN manifest_sha256 text;  -- of the declared files: manifest_set's key; NULL where there were none

-- The declared files themselves, once a set: what loaded a row can be read when the repository is gone.
CREATE TABLE manifest_set (
    sha256      text PRIMARY KEY,
    rev         text NOT NULL,         -- where they were met first
    source      text NOT NULL,
    files       jsonb NOT NULL,        -- [{path, text}]
    recorded_at timestamptz NOT NULL DEFAULT now()
);
ALTER TABLE manifest_set ENABLE ROW LEVEL SECURITY;
CREATE POLICY spoolgate_read ON manifest_set FOR SELECT USING (true);
