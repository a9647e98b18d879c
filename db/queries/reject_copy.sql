-- Rejected frames of a batch.
COPY ingestion_reject (batch_id, segment, frame_index, byte_offset, column_name, reason, sqlstate)
FROM STDIN (FORMAT binary)
