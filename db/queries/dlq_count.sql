-- How many dead letters wait to be redriven.
SELECT count(*) FROM event_dlq WHERE retried_at IS NULL
