-- Receipts, ledger and rejects: what every batch leaves behind.

-- One row a batch. Status: open (claimed), loading (an attempt is under way), done, failed.
CREATE TABLE ingestion_manifest (
    batch_id        uuid PRIMARY KEY,               -- version 7: sorts by the time of the claim
    batch_tag       text NOT NULL,                  -- short name for people: GATE-TIME-XXXX
    spool_id        uuid NOT NULL,                  -- several spools may share a database
    gate            text NOT NULL,
    status          text NOT NULL DEFAULT 'open'
                    CHECK (status IN ('open', 'loading', 'done', 'failed')),
    reason          text NOT NULL,                  -- why the gate opened
    files           jsonb NOT NULL DEFAULT '[]',    -- [{name, bytes, sha256, frames, rejected, ...}], at most 1,000
    files_cut       boolean NOT NULL DEFAULT false, -- there were more; the ledger has them all
    file_count      bigint NOT NULL,
    segments_failed bigint NOT NULL DEFAULT 0,
    bytes_total     bigint NOT NULL,                -- on disk
    bytes_raw       bigint NOT NULL DEFAULT 0,      -- decompressed
    frames_total    bigint NOT NULL DEFAULT 0,
    rows_loaded     bigint NOT NULL DEFAULT 0,
    frames_rejected bigint NOT NULL DEFAULT 0,
    frames_skipped  bigint NOT NULL DEFAULT 0,
    tables          jsonb NOT NULL DEFAULT '{}',    -- rows by table
    ts_min          timestamptz,
    ts_max          timestamptz,
    attempts        integer NOT NULL DEFAULT 0,     -- also the fence: a commit needs the current one
    error           text,                           -- the last thing that went wrong
    host            text NOT NULL,
    version         text NOT NULL,
    opened_at       timestamptz NOT NULL,
    loading_at      timestamptz,
    finished_at     timestamptz,
    CONSTRAINT conservation CHECK (
        status NOT IN ('done', 'failed')
        OR frames_total = rows_loaded + frames_rejected + frames_skipped)
);
CREATE INDEX ingestion_manifest_gate ON ingestion_manifest (gate, opened_at);
CREATE INDEX ingestion_manifest_tag ON ingestion_manifest (batch_tag);
CREATE INDEX ingestion_manifest_unfinished ON ingestion_manifest (opened_at)
    WHERE status IN ('open', 'loading');

-- The ledger: one row a loaded segment, for ever. What makes "nothing twice" true.
CREATE TABLE ingestion_segment (
    dedupe_key text PRIMARY KEY,      -- sha256:HEX | name:GATE/NAME | batch:BATCH/NAME
    batch_id   uuid NOT NULL,         -- no foreign key: the ledger outlives receipts
    gate       text NOT NULL,
    name       text NOT NULL,         -- percent-encoded
    bytes      bigint NOT NULL,
    bytes_raw  bigint NOT NULL,
    sha256     text NOT NULL,         -- of the decompressed bytes
    frames     bigint NOT NULL,
    loaded_at  timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX ingestion_segment_batch ON ingestion_segment (batch_id);
CREATE INDEX ingestion_segment_name ON ingestion_segment (name);
CREATE INDEX ingestion_segment_sha256 ON ingestion_segment (sha256);

-- Frames that could not be loaded. Their bytes are in failed/BATCH/rejects.msgpack.
CREATE TABLE ingestion_reject (
    batch_id    uuid NOT NULL,
    segment     text NOT NULL,        -- percent-encoded
    frame_index bigint NOT NULL,      -- 0 is the segment's first
    byte_offset bigint NOT NULL,      -- in the decompressed segment
    column_name text,                 -- NULL where it is the frame as a whole
    reason      text NOT NULL,
    sqlstate    text,                 -- where the server refused it
    rejected_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (batch_id, segment, frame_index)
);

ALTER TABLE ingestion_manifest ENABLE ROW LEVEL SECURITY;
ALTER TABLE ingestion_segment ENABLE ROW LEVEL SECURITY;
ALTER TABLE ingestion_reject ENABLE ROW LEVEL SECURITY;
CREATE POLICY spoolgate_read ON ingestion_manifest FOR SELECT USING (true);
CREATE POLICY spoolgate_read ON ingestion_segment FOR SELECT USING (true);
CREATE POLICY spoolgate_read ON ingestion_reject FOR SELECT USING (true);

-- The last batches, newest first, in a width that fits a screen.
CREATE VIEW ingestion_recent WITH (security_invoker = true) AS
SELECT batch_tag, gate, status, file_count AS files, segments_failed AS failed, rows_loaded AS rows,
       frames_rejected AS rejected, frames_skipped AS skipped, bytes_total AS bytes,
       opened_at, finished_at - opened_at AS took, batch_id
  FROM ingestion_manifest
 ORDER BY opened_at DESC
 LIMIT 100;

-- Batches that should have ended by now, and why they have not.
CREATE VIEW ingestion_stuck WITH (security_invoker = true) AS
SELECT batch_tag, gate, status, attempts, now() - opened_at AS age, error, host, batch_id
  FROM ingestion_manifest
 WHERE status IN ('open', 'loading')
   AND opened_at < now() - interval '1 minute'
 ORDER BY opened_at;

-- One line a gate: is it well?
CREATE VIEW gate_health WITH (security_invoker = true) AS
SELECT gate,
       count(*) FILTER (WHERE status IN ('open', 'loading')) AS in_flight,
       min(opened_at) FILTER (WHERE status IN ('open', 'loading')) AS oldest_in_flight,
       max(finished_at) AS last_finished,
       count(*) FILTER (WHERE finished_at > now() - interval '1 hour') AS batches_1h,
       coalesce(sum(rows_loaded) FILTER (WHERE finished_at > now() - interval '1 hour'), 0) AS rows_1h,
       coalesce(sum(frames_rejected) FILTER (WHERE finished_at > now() - interval '1 hour'), 0) AS rejected_1h,
       coalesce(sum(segments_failed) FILTER (WHERE finished_at > now() - interval '1 hour'), 0) AS segments_failed_1h,
       (array_agg(error ORDER BY opened_at DESC)
            FILTER (WHERE status IN ('open', 'loading') AND error IS NOT NULL))[1] AS stalled_reason
  FROM ingestion_manifest
 WHERE opened_at > now() - interval '1 day' OR status IN ('open', 'loading')
 GROUP BY gate
 ORDER BY gate;
