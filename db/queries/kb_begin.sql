-- kb_begin
-- Where what a batch says of assets and documents lies while it is put together with what is there. The tables stay
-- with the connection, their rows go with the transaction.
SET LOCAL jit = off; -- of estimates that are far too high: compiling takes longer than the statements
CREATE TEMPORARY TABLE IF NOT EXISTS kb_asset (
    n              integer PRIMARY KEY,  -- its place in the batch's plan
    uri            text,
    given_id       uuid,
    derived_id     uuid,                 -- that follows from the uri
    previous_uri   text,
    is_described   boolean NOT NULL,
    problem        text,                 -- its frames are rejects
    type           text,
    mime           text,
    title          text,
    source         text,
    license        text,
    checksum       text,
    size_bytes     bigint,
    language       text,
    transcript_uri text,
    thumbnail_uri  text,
    created_at     timestamptz,
    meta           jsonb,
    type_guess     text,
    -- found:
    asset_id       uuid,
    is_new         boolean NOT NULL DEFAULT false,
    is_moved       boolean NOT NULL DEFAULT false,  -- gets another uri
    is_changed     boolean NOT NULL DEFAULT false
) ON COMMIT DELETE ROWS;
CREATE TEMPORARY TABLE IF NOT EXISTS kb_document (
    n          integer PRIMARY KEY,      -- its place in the plan; below 0: ours, to retire what a moved asset leaves
    asset      integer,                  -- kb_asset.n
    given_id   uuid,
    derived_id uuid,
    checksum   text,
    is_head    boolean NOT NULL,
    is_retired boolean NOT NULL,
    title      text,
    meta       jsonb,
    digest     bytea NOT NULL,
    chunks     bigint NOT NULL,
    vectors    bigint NOT NULL,
    problem    text,
    -- found:
    doc_id     uuid,
    is_new     boolean NOT NULL DEFAULT false
) ON COMMIT DELETE ROWS;
-- What becomes of each document: rows of kb_document that are one, together.
CREATE TEMPORARY TABLE IF NOT EXISTS kb_revision (
    doc_id   uuid PRIMARY KEY,
    first    integer NOT NULL,           -- kb_document.n: those before it are replaced by it
    adds     boolean NOT NULL,
    retires  boolean NOT NULL,
    title    text,
    meta     jsonb,
    digest   bytea,
    chunks   bigint NOT NULL,
    vectors  bigint NOT NULL,
    revision integer,                    -- that it will be
    waits    boolean,                    -- one does already
    target   text                        -- same; back (to what is served); served; next; gone (it is retired)
) ON COMMIT DELETE ROWS;
CREATE TEMPORARY TABLE IF NOT EXISTS kb_section (
    section_id uuid NOT NULL,
    doc_id     uuid NOT NULL,
    idx        integer NOT NULL,
    heading    text,
    meta       jsonb,
    n          bigint GENERATED ALWAYS AS IDENTITY
) ON COMMIT DELETE ROWS;
CREATE INDEX IF NOT EXISTS kb_asset_previous ON pg_temp.kb_asset (previous_uri) WHERE previous_uri IS NOT NULL;
CREATE INDEX IF NOT EXISTS kb_document_asset ON pg_temp.kb_document (asset);
CREATE INDEX IF NOT EXISTS kb_document_doc ON pg_temp.kb_document (doc_id);
DELETE FROM pg_temp.kb_asset;
DELETE FROM pg_temp.kb_document;
DELETE FROM pg_temp.kb_revision
