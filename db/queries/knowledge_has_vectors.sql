-- :table
SELECT EXISTS (SELECT FROM :table WHERE embedding IS NOT NULL)
