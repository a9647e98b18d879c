-- Whatever may be news for who delivers events: batches that opened or ended, documents that were
-- embedded, deliveries that were queued again by hand.
LISTEN ingest_updates;
LISTEN embed_updates;
LISTEN event_updates;
