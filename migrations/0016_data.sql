-- Imported rows ---------------------------------------------------------------------------------------------------

-- What a row of a file was called where it comes from: a row that is imported again is known by it.
ALTER TABLE tickets ADD COLUMN external_id TEXT;
CREATE UNIQUE INDEX tickets_external ON tickets (external_id) WHERE external_id IS NOT NULL;
ALTER TABLE users ADD COLUMN external_id TEXT;
CREATE UNIQUE INDEX users_external ON users (external_id) WHERE external_id IS NOT NULL;
