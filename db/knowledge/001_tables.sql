-- The knowledge base: assets, their documents, the documents' sections and chunks. Gateways read these tables by these
-- names, so tables that are there already are adopted: what they lack is added, what they hold stays. What can't be
-- adopted was refused before (db/queries/knowledge_misfits.sql). Of all that is added, text_search alone rewrites a table.
--
-- What is served stands in documents, sections and chunks, whole revisions only. A revision that still lacks vectors
-- waits in documents_next, sections_next and chunks_next, and takes the old one's place in one transaction
-- (db/queries/kb_swap_*.sql). The column `embedding` of chunks and chunks_next, its index, kb_nearest and kb_search
-- depend on the type of vectors that the database can have: schema/knowledge.c makes them.

DO $$
BEGIN
    -- CREATE SCHEMA wants the right to make one even where IF NOT EXISTS has nothing to do.
    IF to_regnamespace('pmoves_core') IS NULL THEN
        CREATE SCHEMA pmoves_core;
    END IF;
    IF to_regnamespace('pmoves_kb') IS NULL THEN
        CREATE SCHEMA pmoves_kb;
    END IF;
END
$$;

CREATE TABLE IF NOT EXISTS pmoves_core.assets (
    asset_id       uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    uri            text NOT NULL UNIQUE,
    type           text NOT NULL,       -- document, video, audio, image, pdf, html, code, ...
    mime           text,
    title          text,
    source         text,                -- who brought it
    license        text,
    checksum       text,                -- sha256 of the asset's bytes, as its producer says
    size_bytes     bigint,
    language       text,
    transcript_uri text,
    thumbnail_uri  text,
    created_at     timestamptz NOT NULL DEFAULT now(),
    updated_at     timestamptz NOT NULL DEFAULT now()
);
ALTER TABLE pmoves_core.assets -- an adopted one may lack any of these
    ADD COLUMN IF NOT EXISTS uri            text,
    ADD COLUMN IF NOT EXISTS type           text,
    ADD COLUMN IF NOT EXISTS mime           text,
    ADD COLUMN IF NOT EXISTS title          text,
    ADD COLUMN IF NOT EXISTS source         text,
    ADD COLUMN IF NOT EXISTS license        text,
    ADD COLUMN IF NOT EXISTS checksum       text,
    ADD COLUMN IF NOT EXISTS size_bytes     bigint,
    ADD COLUMN IF NOT EXISTS language       text,
    ADD COLUMN IF NOT EXISTS transcript_uri text,
    ADD COLUMN IF NOT EXISTS thumbnail_uri  text,
    ADD COLUMN IF NOT EXISTS created_at     timestamptz NOT NULL DEFAULT now(),
    ADD COLUMN IF NOT EXISTS updated_at     timestamptz NOT NULL DEFAULT now(),
    ADD COLUMN IF NOT EXISTS meta           jsonb,  -- what else its producer said
    ADD COLUMN IF NOT EXISTS batch_id       uuid;   -- that brought it first
CREATE INDEX IF NOT EXISTS idx_assets_type ON pmoves_core.assets (type);
CREATE INDEX IF NOT EXISTS idx_assets_created ON pmoves_core.assets (created_at DESC);
CREATE INDEX IF NOT EXISTS idx_assets_uri ON pmoves_core.assets (uri); -- adopted tables may have no unique one

CREATE TABLE IF NOT EXISTS pmoves_kb.documents (
    doc_id     uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    asset_id   uuid REFERENCES pmoves_core.assets (asset_id) ON DELETE CASCADE,
    title      text,
    meta       jsonb DEFAULT '{}',
    created_at timestamptz NOT NULL DEFAULT now()
);
ALTER TABLE pmoves_kb.documents
    ADD COLUMN IF NOT EXISTS asset_id   uuid REFERENCES pmoves_core.assets (asset_id) ON DELETE CASCADE,
    ADD COLUMN IF NOT EXISTS title      text,
    ADD COLUMN IF NOT EXISTS meta       jsonb DEFAULT '{}',
    ADD COLUMN IF NOT EXISTS created_at timestamptz NOT NULL DEFAULT now(),
    ADD COLUMN IF NOT EXISTS revision   integer NOT NULL DEFAULT 0, -- the one that is served; 0: none was ever completed here
    ADD COLUMN IF NOT EXISTS sha256     bytea,                      -- of all that makes the served revision what it is
    -- pending: nothing is served yet. complete, partial: all, or not all, of its chunks have vectors. retired: it is
    -- gone, and its chunks with it. An adopted document is what its chunks are.
    ADD COLUMN IF NOT EXISTS status     text NOT NULL DEFAULT 'complete',
    ADD COLUMN IF NOT EXISTS updated_at timestamptz NOT NULL DEFAULT now(),
    ADD COLUMN IF NOT EXISTS batch_id   uuid,                       -- that brought the served revision
    ADD COLUMN IF NOT EXISTS head_batch_id uuid;                    -- that brought the last `document` frame which counted
ALTER TABLE pmoves_kb.documents
    DROP CONSTRAINT IF EXISTS documents_status_is_known,
    ADD CONSTRAINT documents_status_is_known CHECK (status IN ('pending', 'complete', 'partial', 'retired'));
CREATE INDEX IF NOT EXISTS idx_documents_asset ON pmoves_kb.documents (asset_id);
CREATE INDEX IF NOT EXISTS idx_documents_title ON pmoves_kb.documents USING gin (to_tsvector('english', left(title, 1000)));

CREATE TABLE IF NOT EXISTS pmoves_kb.sections (
    section_id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    doc_id     uuid REFERENCES pmoves_kb.documents (doc_id) ON DELETE CASCADE,
    idx        integer NOT NULL,
    heading    text,
    meta       jsonb DEFAULT '{}'
);
ALTER TABLE pmoves_kb.sections
    ADD COLUMN IF NOT EXISTS doc_id  uuid REFERENCES pmoves_kb.documents (doc_id) ON DELETE CASCADE,
    ADD COLUMN IF NOT EXISTS idx     integer,
    ADD COLUMN IF NOT EXISTS heading text,
    ADD COLUMN IF NOT EXISTS meta    jsonb DEFAULT '{}';
CREATE INDEX IF NOT EXISTS idx_sections_doc_idx ON pmoves_kb.sections (doc_id, idx);

CREATE TABLE IF NOT EXISTS pmoves_kb.chunks (
    chunk_id   uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    doc_id     uuid REFERENCES pmoves_kb.documents (doc_id) ON DELETE CASCADE,
    section_id uuid REFERENCES pmoves_kb.sections (section_id) ON DELETE SET NULL,
    pack_id    uuid,
    text       text NOT NULL,
    tokens     integer,                 -- estimated
    idx        integer NOT NULL,        -- place in the document, 0 the first
    "window"   integer,                 -- tokens that a chunk was allowed
    overlap    integer,                 -- characters at its front that end the chunk before it, too
    md         jsonb DEFAULT '{}',
    created_at timestamptz NOT NULL DEFAULT now()
);
ALTER TABLE pmoves_kb.chunks
    ADD COLUMN IF NOT EXISTS doc_id     uuid REFERENCES pmoves_kb.documents (doc_id) ON DELETE CASCADE,
    ADD COLUMN IF NOT EXISTS section_id uuid REFERENCES pmoves_kb.sections (section_id) ON DELETE SET NULL,
    ADD COLUMN IF NOT EXISTS pack_id    uuid,
    ADD COLUMN IF NOT EXISTS text       text,
    ADD COLUMN IF NOT EXISTS tokens     integer,
    ADD COLUMN IF NOT EXISTS idx        integer,
    ADD COLUMN IF NOT EXISTS "window"   integer,
    ADD COLUMN IF NOT EXISTS overlap    integer,
    ADD COLUMN IF NOT EXISTS md         jsonb DEFAULT '{}',
    ADD COLUMN IF NOT EXISTS created_at timestamptz NOT NULL DEFAULT now(),
    ADD COLUMN IF NOT EXISTS sha256     bytea,  -- of the text: the same text keeps its vector
    ADD COLUMN IF NOT EXISTS model      text,   -- that made the vector; NULL: the producer brought it
    ADD COLUMN IF NOT EXISTS error      text;

-- embedding_status. complete: the chunk has its vector. failed: it can't get one, `error` says why. pending: adopted
-- without a vector. A new column's default is what old rows get without being written, so the default is at first what
-- fits adopted rows that have vectors.
DO $$
BEGIN
    IF EXISTS (SELECT FROM pg_attribute
                WHERE attrelid = 'pmoves_kb.chunks'::regclass AND attname = 'embedding' AND NOT attisdropped)
       AND NOT EXISTS (SELECT FROM pg_attribute
                        WHERE attrelid = 'pmoves_kb.chunks'::regclass AND attname = 'embedding_status' AND NOT attisdropped) THEN
        ALTER TABLE pmoves_kb.chunks ADD COLUMN embedding_status text NOT NULL DEFAULT 'complete';
        UPDATE pmoves_kb.chunks SET embedding_status = 'pending' WHERE embedding IS NULL;
    END IF;
END
$$;
ALTER TABLE pmoves_kb.chunks
    ADD COLUMN IF NOT EXISTS embedding_status text NOT NULL DEFAULT 'pending',
    ALTER COLUMN embedding_status SET DEFAULT 'pending',
    DROP CONSTRAINT IF EXISTS chunks_embedding_status_is_known,
    ADD CONSTRAINT chunks_embedding_status_is_known CHECK (embedding_status IN ('pending', 'complete', 'failed'));
UPDATE pmoves_kb.documents d
   SET status = 'partial'
 WHERE EXISTS (SELECT FROM pmoves_kb.chunks c WHERE c.doc_id = d.doc_id AND c.embedding_status <> 'complete');

-- A text and a short vector stay in their row up to half a page: to compress them, or to put them elsewhere, costs more
-- than it saves.
ALTER TABLE pmoves_kb.chunks SET (toast_tuple_target = 4080);

-- What full-text search looks in: 50,000 characters, since no tsvector is longer than 1 MB.
ALTER TABLE pmoves_kb.chunks
    ADD COLUMN IF NOT EXISTS text_search tsvector GENERATED ALWAYS AS (to_tsvector('english', left(text, 50000))) STORED;
CREATE INDEX IF NOT EXISTS idx_chunks_doc_idx ON pmoves_kb.chunks (doc_id, idx);
CREATE INDEX IF NOT EXISTS idx_chunks_section ON pmoves_kb.chunks (section_id); -- ON DELETE SET NULL looks for them
CREATE INDEX IF NOT EXISTS idx_chunks_pack ON pmoves_kb.chunks (pack_id);
CREATE INDEX IF NOT EXISTS idx_chunks_text_search ON pmoves_kb.chunks USING gin (text_search);
CREATE INDEX IF NOT EXISTS idx_chunks_unembedded ON pmoves_kb.chunks (doc_id) WHERE embedding_status <> 'complete';

-- What is to be served next: at most one revision of a document, the one after the served one. A newer version of the
-- document that comes while it waits takes its place under the same number.
CREATE TABLE pmoves_kb.documents_next (
    doc_id     uuid PRIMARY KEY REFERENCES pmoves_kb.documents (doc_id) ON DELETE CASCADE,
    revision   integer NOT NULL,
    adds       boolean NOT NULL,        -- the chunks join those that are served (one of an idx that is taken replaces it);
                                        -- false: they are the whole document
    retires    boolean NOT NULL DEFAULT false,
    title      text,
    meta       jsonb,
    sha256     bytea,
    batch_id   uuid,
    head_batch_id uuid,                 -- adds: NULL
    gate       text,                    -- of the batch, for the event
    sinks      text[] NOT NULL,         -- that want kb.index.completed.v1 of it
    created_at timestamptz NOT NULL DEFAULT clock_timestamp()
);
CREATE TABLE pmoves_kb.sections_next (
    section_id uuid PRIMARY KEY,
    doc_id     uuid NOT NULL REFERENCES pmoves_kb.documents_next (doc_id) ON DELETE CASCADE,
    idx        integer NOT NULL,
    heading    text,
    meta       jsonb
);
CREATE INDEX sections_next_doc ON pmoves_kb.sections_next (doc_id, idx);
CREATE TABLE pmoves_kb.chunks_next (
    chunk_id         uuid PRIMARY KEY,
    doc_id           uuid NOT NULL REFERENCES pmoves_kb.documents_next (doc_id) ON DELETE CASCADE,
    section_id       uuid,
    pack_id          uuid,
    text             text NOT NULL,
    tokens           integer,
    idx              integer,                                       -- NULL: adopted so
    "window"         integer,
    overlap          integer,
    md               jsonb,
    created_at       timestamptz NOT NULL DEFAULT now(),
    embedding_status text NOT NULL DEFAULT 'pending'
                     CHECK (embedding_status IN ('pending', 'processing', 'complete', 'failed')),
    sha256           bytea NOT NULL,
    model            text,
    error            text,                                          -- of the last attempt
    attempts         integer NOT NULL DEFAULT 0,                    -- that failed by the text's own fault
    claim_id         uuid,                                          -- processing: who has it in hand
    next_attempt_at  timestamptz NOT NULL DEFAULT clock_timestamp(), -- pending: not before; processing: end of the lease
    home             name NOT NULL DEFAULT current_schema(),        -- the configured schema of who loaded it: its workers
                                                                    -- have it in hand, its outbox gets the event
    CHECK ((embedding_status = 'processing') = (claim_id IS NOT NULL))
) WITH (fillfactor = 70, autovacuum_vacuum_scale_factor = 0.02);    -- each row is written three times and deleted
CREATE INDEX chunks_next_doc ON pmoves_kb.chunks_next (doc_id, idx);
CREATE INDEX chunks_next_due ON pmoves_kb.chunks_next (home, next_attempt_at) WHERE embedding_status IN ('pending', 'processing');
CREATE INDEX chunks_next_open ON pmoves_kb.chunks_next (doc_id) WHERE embedding_status IN ('pending', 'processing');

-- The vectors of this database: one row.
CREATE TABLE pmoves_kb.embedding (
    one        boolean PRIMARY KEY DEFAULT true CHECK (one),
    type       text NOT NULL CHECK (type IN ('vector', 'halfvec', 'real')),
    dimensions integer NOT NULL,
    model      text,                    -- that makes them; NULL until the first embedder has begun
    changed_at timestamptz NOT NULL DEFAULT clock_timestamp()
);

-- How an embedder is: one row for each that was ever asked. What its workers know together.
CREATE TABLE pmoves_kb.embedder (
    embedder        text PRIMARY KEY,
    failures        integer NOT NULL DEFAULT 0, -- in a row
    not_before      timestamptz,                -- paused until then
    stopped_at      timestamptz,                -- it won't work again by itself: quota, key, model
    error           text,                       -- of the last failure
    requests        bigint NOT NULL DEFAULT 0,
    chunks          bigint NOT NULL DEFAULT 0,  -- that it made vectors of
    last_success_at timestamptz,
    last_failure_at timestamptz
) WITH (fillfactor = 50);

-- How far a repository was indexed: the commit that the last `spoolgate index` sent, and which of its files
-- (src/index/select.h). While a run publishes segments it says so: of one that was broken off, some may be loaded.
CREATE TABLE pmoves_kb.repository (
    repository        text PRIMARY KEY, -- as the documents' uris begin: git:/srv/handbook.git
    commit_id         text,             -- NULL: no run came to its end
    selection         text,
    sending_commit    text,
    sending_selection text,
    indexed_at        timestamptz NOT NULL DEFAULT clock_timestamp()
);

-- Assets whose text isn't at hand.
CREATE VIEW pmoves_kb.assets_awaiting_text WITH (security_invoker = true) AS
SELECT asset_id, uri, type, mime, title, source, created_at
  FROM pmoves_core.assets a
 WHERE NOT EXISTS (SELECT FROM pmoves_kb.documents d WHERE d.asset_id = a.asset_id)
 ORDER BY created_at;

-- A UUID of version 7: ids of events that a statement makes by the handful.
CREATE FUNCTION pmoves_kb.uuid7() RETURNS uuid LANGUAGE sql VOLATILE PARALLEL SAFE
RETURN encode(
    set_byte(set_byte(overlay(uuid_send(gen_random_uuid())
                              PLACING substring(int8send((extract(epoch FROM clock_timestamp()) * 1000)::bigint) FROM 3)
                              FROM 1 FOR 6),
                      6, get_byte(uuid_send(gen_random_uuid()), 6) & 15 | 112),
             8, get_byte(uuid_send(gen_random_uuid()), 8) & 63 | 128), 'hex')::uuid;

-- Row level security, enabled and not forced: whoever may SELECT reads all rows. Adopted tables stay as they are where
-- they have it already (a policy more would show rows that theirs hide), and where others than the owner may write (with
-- it, and without a policy for them, they could not).
DO $$
DECLARE
    name text;
BEGIN
    FOR name IN
        SELECT c.oid::regclass
          FROM pg_class c
         WHERE c.oid IN ('pmoves_core.assets'::regclass, 'pmoves_kb.documents'::regclass, 'pmoves_kb.sections'::regclass,
                         'pmoves_kb.chunks'::regclass, 'pmoves_kb.documents_next'::regclass, 'pmoves_kb.sections_next'::regclass,
                         'pmoves_kb.chunks_next'::regclass, 'pmoves_kb.embedding'::regclass, 'pmoves_kb.embedder'::regclass,
                         'pmoves_kb.repository'::regclass)
           AND NOT c.relrowsecurity
           AND NOT EXISTS (SELECT FROM aclexplode(c.relacl) a
                            WHERE a.grantee <> c.relowner AND a.privilege_type IN ('INSERT', 'UPDATE', 'DELETE')) LOOP
        EXECUTE format('ALTER TABLE %s ENABLE ROW LEVEL SECURITY', name);
        EXECUTE format('CREATE POLICY spoolgate_read ON %s FOR SELECT USING (true)', name);
    END LOOP;
END
$$;
