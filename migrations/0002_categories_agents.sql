-- Categories and agents --------------------------------------------------------------------------------------

CREATE TRIGGER categories_version
BEFORE UPDATE OF version ON categories
WHEN NEW.version <> OLD.version + 1
BEGIN
  SELECT RAISE(ABORT, 'STALE_VERSION');
END;

CREATE TABLE subcategories (
  id INTEGER PRIMARY KEY,
  uid TEXT NOT NULL UNIQUE,
  category_id INTEGER NOT NULL REFERENCES categories (id),
  slug TEXT NOT NULL UNIQUE,               -- in the whole desk, so that a filter by slug walks one index
  name TEXT NOT NULL,
  description TEXT NOT NULL DEFAULT '',
  position INTEGER NOT NULL DEFAULT 0,
  is_active INTEGER NOT NULL DEFAULT 1 CHECK (is_active IN (0, 1)),
  version INTEGER NOT NULL DEFAULT 1,
  created_at INTEGER NOT NULL,
  updated_at INTEGER NOT NULL
) STRICT;
CREATE INDEX subcategories_by_category ON subcategories (category_id, position, id);

CREATE TRIGGER subcategories_version
BEFORE UPDATE OF version ON subcategories
WHEN NEW.version <> OLD.version + 1
BEGIN
  SELECT RAISE(ABORT, 'STALE_VERSION');
END;


-- What staff are as workers, as far as somebody has said so or the desk has given them a ticket: without a row the
-- defaults hold. How many open tickets they have is a sum of ticket_counts.
CREATE TABLE agent_profiles (
  user_id INTEGER PRIMARY KEY REFERENCES users (id),
  is_available INTEGER NOT NULL DEFAULT 1 CHECK (is_available IN (0, 1)),
  max_open_tickets INTEGER NOT NULL DEFAULT 20 CHECK (max_open_tickets >= 0),  -- binds automatic assignment only
  last_assigned_at INTEGER                 -- NULL: never, and so the longest idle
) STRICT;


-- Why a ticket was handed on: for staff, and so not in its event, which customers see.
CREATE TABLE transfers (
  id INTEGER PRIMARY KEY,
  uid TEXT NOT NULL UNIQUE,
  ticket_id INTEGER NOT NULL REFERENCES tickets (id),
  seq INTEGER NOT NULL,                    -- of the event that tells of it
  actor_id INTEGER NOT NULL REFERENCES users (id),
  from_id INTEGER REFERENCES users (id),   -- NULL: it was nobody's
  to_id INTEGER NOT NULL REFERENCES users (id),
  reason TEXT NOT NULL,
  created_at INTEGER NOT NULL
) STRICT;
CREATE UNIQUE INDEX transfers_by_ticket ON transfers (ticket_id, seq);
