-- Segments with the changes up to a commit are about to be published.
--   $1 repository
--   $2 commit
--   $3 which files: index/select.h
INSERT INTO pmoves_kb.repository (repository, sending_commit, sending_selection)
VALUES ($1, $2, $3)
    ON CONFLICT (repository) DO UPDATE
   SET sending_commit = excluded.sending_commit, sending_selection = excluded.sending_selection
