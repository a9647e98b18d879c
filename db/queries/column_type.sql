-- A column of another type. Its default goes first: there may be no cast for it.
--   :table       a stream's table, quoted
--   :"column"
--   :type        as SQL spells it
--   :default     empty, or one more clause, which sets the new default
ALTER TABLE :table
    ALTER COLUMN :"column" DROP DEFAULT,
    ALTER COLUMN :"column" TYPE :type USING CAST(:"column" AS :type):default;
