-- How far a repository was indexed, which of its files, and the same of a run that was broken off.
--   $1 repository
SELECT commit_id, selection, sending_commit, sending_selection FROM pmoves_kb.repository WHERE repository = $1
