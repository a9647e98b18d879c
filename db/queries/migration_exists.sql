-- Has anything ever been migrated here? (to_regclass follows the pinned search_path)
SELECT to_regclass('spoolgate_migration') IS NOT NULL
