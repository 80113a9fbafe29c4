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

-- A category that is archived while a ticket is being put in it: the ticket is decided anew.
CREATE TRIGGER tickets_place_insert
BEFORE INSERT ON tickets
WHEN (NEW.category_id IS NOT NULL AND NOT EXISTS (SELECT 1 FROM categories WHERE id = NEW.category_id AND is_active = 1))
  OR (NEW.subcategory_id IS NOT NULL AND NOT EXISTS
    (SELECT 1 FROM subcategories WHERE id = NEW.subcategory_id AND category_id = NEW.category_id AND is_active = 1))
BEGIN
  SELECT RAISE(ABORT, 'STALE_VERSION');
END;
CREATE TRIGGER tickets_place_update
BEFORE UPDATE OF category_id, subcategory_id ON tickets
WHEN (NEW.category_id IS NOT OLD.category_id AND NEW.category_id IS NOT NULL
    AND NOT EXISTS (SELECT 1 FROM categories WHERE id = NEW.category_id AND is_active = 1))
  OR (NEW.subcategory_id IS NOT NULL AND (NEW.subcategory_id IS NOT OLD.subcategory_id OR NEW.category_id IS NOT OLD.category_id)
    AND NOT EXISTS
      (SELECT 1 FROM subcategories WHERE id = NEW.subcategory_id AND category_id = NEW.category_id AND is_active = 1))
BEGIN
  SELECT RAISE(ABORT, 'STALE_VERSION');
END;

CREATE TRIGGER tickets_subcategory_insert
AFTER INSERT ON tickets
WHEN NEW.subcategory_id IS NOT NULL
BEGIN
  UPDATE tickets SET subcategory = (SELECT slug FROM subcategories WHERE id = NEW.subcategory_id) WHERE id = NEW.id;
END;
CREATE TRIGGER tickets_subcategory_update
AFTER UPDATE OF subcategory_id ON tickets
WHEN NEW.subcategory_id IS NOT OLD.subcategory_id
BEGIN
  UPDATE tickets SET subcategory = (SELECT slug FROM subcategories WHERE id = NEW.subcategory_id) WHERE id = NEW.id;
END;
CREATE TRIGGER subcategories_names
AFTER UPDATE OF slug ON subcategories
WHEN NEW.slug <> OLD.slug
BEGIN
  UPDATE tickets SET subcategory = NEW.slug WHERE subcategory_id = NEW.id AND deleted_at IS NULL;
END;

-- What staff are as workers. Everybody who may be given tickets has a row: whatever makes somebody staff inserts it in
-- the same batch. It stays; agents are those of the role.
CREATE TABLE agent_profiles (
  user_id INTEGER PRIMARY KEY REFERENCES users (id),
  is_available INTEGER NOT NULL DEFAULT 1 CHECK (is_available IN (0, 1)),
  max_open_tickets INTEGER NOT NULL DEFAULT 20 CHECK (max_open_tickets >= 0),  -- binds automatic assignment only
  open_load INTEGER NOT NULL DEFAULT 0,    -- assigned tickets that are not resolved, closed or deleted; kept by triggers
  last_assigned_at INTEGER                 -- NULL: never, and so the longest idle
) STRICT;
-- The order in which automatic assignment looks at agents.
CREATE INDEX agent_profiles_by_load ON agent_profiles (open_load, last_assigned_at, user_id) WHERE is_available = 1;

INSERT INTO agent_profiles (user_id, open_load)
  SELECT id, (SELECT count(*) FROM tickets WHERE assignee_id = users.id AND deleted_at IS NULL AND status NOT IN ('resolved', 'closed'))
  FROM users WHERE role <> 'customer';

CREATE TRIGGER tickets_load_insert
AFTER INSERT ON tickets
WHEN NEW.assignee_id IS NOT NULL AND NEW.deleted_at IS NULL
BEGIN
  UPDATE agent_profiles SET
    open_load = open_load + (NEW.status NOT IN ('resolved', 'closed')),
    last_assigned_at = max(coalesce(last_assigned_at, 0), NEW.updated_at)
  WHERE user_id = NEW.assignee_id;
END;
CREATE TRIGGER tickets_load_update
AFTER UPDATE OF assignee_id, status, deleted_at ON tickets
WHEN NEW.assignee_id IS NOT OLD.assignee_id
  OR (NEW.status IN ('resolved', 'closed')) <> (OLD.status IN ('resolved', 'closed'))
  OR (NEW.deleted_at IS NULL) <> (OLD.deleted_at IS NULL)
BEGIN
  UPDATE agent_profiles SET open_load = open_load - 1
  WHERE user_id = OLD.assignee_id AND OLD.deleted_at IS NULL AND OLD.status NOT IN ('resolved', 'closed');
  UPDATE agent_profiles SET open_load = open_load + 1
  WHERE user_id = NEW.assignee_id AND NEW.deleted_at IS NULL AND NEW.status NOT IN ('resolved', 'closed');
  UPDATE agent_profiles SET last_assigned_at = max(coalesce(last_assigned_at, 0), NEW.updated_at)
  WHERE user_id = NEW.assignee_id AND NEW.assignee_id IS NOT OLD.assignee_id;
END;

-- Nobody is given a ticket at the moment when they stop to be active staff: it is decided anew.
CREATE TRIGGER tickets_assignee_insert
BEFORE INSERT ON tickets
WHEN NEW.assignee_id IS NOT NULL
  AND NOT EXISTS (SELECT 1 FROM users WHERE id = NEW.assignee_id AND is_active = 1 AND role <> 'customer')
BEGIN
  SELECT RAISE(ABORT, 'STALE_VERSION');
END;
CREATE TRIGGER tickets_assignee_update
BEFORE UPDATE OF assignee_id ON tickets
WHEN NEW.assignee_id IS NOT NULL AND NEW.assignee_id IS NOT OLD.assignee_id
  AND NOT EXISTS (SELECT 1 FROM users WHERE id = NEW.assignee_id AND is_active = 1 AND role <> 'customer')
BEGIN
  SELECT RAISE(ABORT, 'STALE_VERSION');
END;

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
