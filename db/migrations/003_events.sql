-- Events: written in the transaction that they announce, delivered afterwards.

-- One row an event, whether anybody listens or not.
CREATE TABLE event_outbox (
    event_id   uuid PRIMARY KEY,        -- version 7; the same on every attempt and for every sink (webhook-id)
    event_type text NOT NULL,           -- gate.open, gate.done, ...
    seq        integer NOT NULL,        -- order among the events of one batch
    spool_id   uuid,
    batch_id   uuid,                    -- NULL where it isn't one batch's
    gate       text,
    payload    json NOT NULL,           -- docs/events; json, not jsonb: `event` comes first and stays there
    created_at timestamptz NOT NULL DEFAULT clock_timestamp()
);
CREATE INDEX event_outbox_created ON event_outbox (created_at);
CREATE INDEX event_outbox_batch ON event_outbox (batch_id);
-- A batch opens once and ends once, also where somebody has set its receipt back by hand.
CREATE UNIQUE INDEX event_outbox_once ON event_outbox (batch_id, event_type)
    WHERE event_type IN ('gate.open', 'gate.done');

-- One row an event and sink.
CREATE TABLE event_delivery (
    event_id      uuid NOT NULL REFERENCES event_outbox ON DELETE CASCADE,
    sink          text NOT NULL,
    batch_id      uuid,                 -- the event's, and its seq: gate.done waits for gate.open
    seq           integer NOT NULL,
    state         text NOT NULL DEFAULT 'waiting'
                  CHECK (state IN ('waiting', 'delivered', 'dead')),
    attempts      integer NOT NULL DEFAULT 0,                     -- since it was queued
    queued_at     timestamptz NOT NULL DEFAULT clock_timestamp(), -- with the event, or again by hand
    due_at        timestamptz NOT NULL DEFAULT clock_timestamp(), -- not before; of one in hand: when the claim lapses
    claim_id      uuid,                 -- who has it in hand
    failing_since timestamptz,          -- the first of the attempts that failed
    body          bytea,                -- rendered before the first attempt; every attempt sends these bytes
    content_type  text,
    error         text,                 -- of the last attempt
    settled_at    timestamptz,          -- delivered, or dead
    PRIMARY KEY (event_id, sink),
    CHECK (claim_id IS NULL OR state = 'waiting')
) WITH (fillfactor = 80, autovacuum_vacuum_scale_factor = 0.02); -- each row is written four times
CREATE INDEX event_delivery_due ON event_delivery (sink, due_at) WHERE state = 'waiting';
CREATE INDEX event_delivery_order ON event_delivery (batch_id, sink, seq) WHERE state = 'waiting';

-- Every attempt.
CREATE TABLE event_attempt (
    event_id     uuid NOT NULL,
    sink         text NOT NULL,
    attempted_at timestamptz NOT NULL,
    took_ms      double precision NOT NULL,
    status       integer,               -- HTTP; NULL: no answer
    error        text,                  -- NULL: delivered
    answer       text,                  -- its first characters
    FOREIGN KEY (event_id, sink) REFERENCES event_delivery ON DELETE CASCADE
);
CREATE INDEX event_attempt_delivery ON event_attempt (event_id, sink, attempted_at);

-- How a sink is: one row for each that was ever tried. What the circuit breaker knows, for all daemons.
CREATE TABLE event_sink (
    sink            text PRIMARY KEY,
    failures        integer NOT NULL DEFAULT 0, -- in a row
    broken_at       timestamptz,                -- since when the breaker is open
    probe           uuid,                       -- the event that is let through meanwhile, one at a time
    not_before      timestamptz,                -- nothing is sent before: the breaker is open, or Retry-After
    disabled_at     timestamptz,                -- answered 410
    error           text,                       -- of the last failure
    last_success_at timestamptz,
    last_failure_at timestamptz
) WITH (fillfactor = 50); -- few rows, written with every settlement

-- What was given up, until it is redriven.
CREATE TABLE event_dlq (
    id         bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    event_type text NOT NULL,
    payload    jsonb NOT NULL,
    error      text NOT NULL,
    retried_at timestamptz,
    created_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    event_id   uuid,
    sink       text                     -- NULL where it is no delivery
);
CREATE INDEX event_dlq_waiting ON event_dlq (created_at) WHERE retried_at IS NULL;
CREATE INDEX event_dlq_event ON event_dlq (event_id, sink);

ALTER TABLE event_outbox ENABLE ROW LEVEL SECURITY;
ALTER TABLE event_delivery ENABLE ROW LEVEL SECURITY;
ALTER TABLE event_attempt ENABLE ROW LEVEL SECURITY;
ALTER TABLE event_sink ENABLE ROW LEVEL SECURITY;
ALTER TABLE event_dlq ENABLE ROW LEVEL SECURITY;
CREATE POLICY spoolgate_read ON event_outbox FOR SELECT USING (true);
CREATE POLICY spoolgate_read ON event_delivery FOR SELECT USING (true);
CREATE POLICY spoolgate_read ON event_attempt FOR SELECT USING (true);
CREATE POLICY spoolgate_read ON event_sink FOR SELECT USING (true);
CREATE POLICY spoolgate_read ON event_dlq FOR SELECT USING (true);

-- A time as events have it: RFC 3339, UTC, microseconds.
CREATE FUNCTION event_time(t timestamptz) RETURNS text LANGUAGE sql STABLE PARALLEL SAFE
RETURN to_char(t AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"');

-- The payload of gate.open and gate.done, of a receipt. What isn't known when a gate opens is null. One expression, so
-- that the planner puts it into the statement that asks for it.
CREATE FUNCTION gate_event(type text, r ingestion_manifest) RETURNS json LANGUAGE sql STABLE
RETURN json_build_object(
    'event', type,
    'seq', CASE WHEN type = 'gate.done' THEN 2 ELSE 1 END,
    'batch_id', r.batch_id,
    'batch_tag', r.batch_tag,
    'gate', r.gate,
    'reason', r.reason,
    'status', CASE WHEN type <> 'gate.done' THEN 'open' WHEN r.status = 'done' THEN 'success' ELSE 'failed' END,
    'partial', type = 'gate.done' AND r.status = 'done' AND (r.segments_failed > 0 OR r.frames_rejected > 0),
    'segments', r.file_count,
    'segments_failed', CASE WHEN type = 'gate.done' THEN r.segments_failed END,
    'bytes', r.bytes_total,
    'frames_total', CASE WHEN type = 'gate.done' THEN r.frames_total END,
    'rows_loaded', CASE WHEN type = 'gate.done' THEN r.rows_loaded END,
    'frames_rejected', CASE WHEN type = 'gate.done' THEN r.frames_rejected END,
    'tables', CASE WHEN type = 'gate.done' THEN r.tables END,
    'ts_min', event_time(r.ts_min),
    'ts_max', event_time(r.ts_max),
    'opened_at', event_time(r.opened_at),
    'finished_at', event_time(r.finished_at),
    'manifest_rev', r.manifest_rev,
    'error', CASE WHEN type = 'gate.done' THEN r.error END);

-- One line a sink: is it well? An event that can't even be sent (no secret, no template) says nothing of the listener,
-- so event_sink doesn't know of it; but who asks wants to hear of it, unless something was delivered since.
CREATE VIEW sink_health WITH (security_invoker = true) AS
SELECT sink,
       CASE WHEN s.disabled_at IS NOT NULL THEN 'disabled'
            WHEN s.not_before > now() THEN 'paused'
            WHEN s.failures > 0 OR w.failing_since > coalesce(s.last_success_at, '-infinity') THEN 'failing'
            ELSE 'ok' END AS state,
       coalesce(w.waiting, 0) AS waiting,
       w.oldest_waiting,
       coalesce(d.dead, 0) AS dead_letters,
       coalesce(s.failures, 0) AS failures,
       CASE WHEN s.failures > 0 OR s.disabled_at IS NOT NULL THEN s.error ELSE coalesce(w.error, s.error) END AS error,
       s.last_success_at,
       s.last_failure_at,
       s.not_before,
       s.disabled_at
  FROM event_sink s
  FULL JOIN (SELECT sink, count(*) AS waiting, min(queued_at) AS oldest_waiting, max(failing_since) AS failing_since,
                    max(error) FILTER (WHERE failing_since IS NOT NULL) AS error
               FROM event_delivery WHERE state = 'waiting' GROUP BY sink) w USING (sink)
  FULL JOIN (SELECT sink, count(*) AS dead
               FROM event_dlq WHERE retried_at IS NULL AND sink IS NOT NULL GROUP BY sink) d USING (sink)
 ORDER BY sink;
