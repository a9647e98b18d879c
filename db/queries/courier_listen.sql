-- A deliverer's session: whatever may be news for it (batches that opened or ended, documents that were embedded,
-- deliveries that were queued again by hand), and no waiting without a word for somebody's lock on the outbox.
SET lock_timeout = '3s';
LISTEN ingest_updates;
LISTEN embed_updates;
LISTEN event_updates;
