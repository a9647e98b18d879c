-- Documents are complete: there are events to be delivered.
NOTIFY embed_updates
