-- :home   the schema for it
CREATE EXTENSION IF NOT EXISTS vector SCHEMA :home;
