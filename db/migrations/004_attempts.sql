-- The last attempts at a sink (`spoolgate sink log`), of however many there are.
CREATE INDEX event_attempt_sink ON event_attempt (sink, attempted_at);
