-- The segments with all changes up to a commit are in the spool.
--   $1 repository
--   $2 commit
--   $3 which files: index/select.h
INSERT INTO pmoves_kb.repository (repository, commit_id, selection)
VALUES ($1, $2, $3)
    ON CONFLICT (repository) DO UPDATE
   SET commit_id = excluded.commit_id, selection = excluded.selection,
       sending_commit = NULL, sending_selection = NULL, indexed_at = clock_timestamp()
