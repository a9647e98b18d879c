-- :"schema"    where everything lives
CREATE SCHEMA IF NOT EXISTS :"schema";
