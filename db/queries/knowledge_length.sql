-- How long vectors are whose column doesn't say it.
-- :length   of the column `embedding`
SELECT :length FROM pmoves_kb.chunks WHERE embedding IS NOT NULL LIMIT 1
