-- Is the table there that says how far repositories were indexed?
SELECT to_regclass('pmoves_kb.repository') IS NOT NULL
