-- How long vectors are whose column doesn't say it, the most frequent length first: one row, or they differ. NULL, the
-- last: of no length at all.
-- :length   of the column `embedding`
SELECT length
  FROM (SELECT :length AS length
          FROM pmoves_kb.chunks
         WHERE embedding IS NOT NULL) c
 GROUP BY length
 ORDER BY length IS NULL, count(*) DESC, length
 LIMIT 2
