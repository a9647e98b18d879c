-- No vector is left, and every chunk waits for a new one. Chunks that are served go on without (`spoolgate embed --again
-- missing` makes new revisions of them); their table is written anew, once, by one statement.
ALTER TABLE pmoves_kb.chunks
    ALTER COLUMN embedding_status TYPE text USING 'pending',
    ALTER COLUMN model TYPE text USING NULL,
    ALTER COLUMN error TYPE text USING NULL;
UPDATE pmoves_kb.chunks_next
   SET embedding_status = 'pending', claim_id = NULL, attempts = 0, error = NULL, model = NULL,
       next_attempt_at = clock_timestamp();
UPDATE pmoves_kb.documents d
   SET status = 'partial'
 WHERE status = 'complete'
   AND EXISTS (SELECT FROM pmoves_kb.chunks c WHERE c.doc_id = d.doc_id);
UPDATE pmoves_kb.embedding SET model = NULL, changed_at = clock_timestamp();
