-- Live rooms ---------------------------------------------------------------------------------------------------

-- The live objects that have sockets: 'ticket:5' is the room of a ticket, 'user:7' is somebody who listens to all that
-- concerns them. They are nudged after a commit and read what they have missed from the events. Each renews its row
-- while it has sockets, and deletes it with the last one.
CREATE TABLE listeners (
  object TEXT PRIMARY KEY,
  user_id INTEGER REFERENCES users (id),   -- of 'user:7'
  is_agent INTEGER NOT NULL DEFAULT 0 CHECK (is_agent IN (0, 1)),   -- the user may take tickets that are nobody's
  until INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX listeners_agents ON listeners (user_id) WHERE is_agent = 1;   -- to be nudged of tickets that are nobody's

-- Tickets that open one socket each, for clients that can send no header: what the token said that asked for them.
-- Only their SHA-256 is kept.
CREATE TABLE socket_tickets (
  hash TEXT PRIMARY KEY,
  user_id INTEGER NOT NULL REFERENCES users (id),
  session_id INTEGER NOT NULL,
  role TEXT NOT NULL,
  ver INTEGER NOT NULL,
  jti TEXT NOT NULL,
  token_expires INTEGER NOT NULL,          -- seconds since 1970
  expires_at INTEGER NOT NULL,
  used_at INTEGER
) STRICT, WITHOUT ROWID;
