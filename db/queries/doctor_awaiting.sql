-- Assets whose text nobody has brought for a day: how many, and the oldest.
SELECT count(*), (array_agg(uri ORDER BY created_at))[1]
  FROM pmoves_kb.assets_awaiting_text
 WHERE created_at < now() - interval '1 day'
HAVING count(*) > 0
