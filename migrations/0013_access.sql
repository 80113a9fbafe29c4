-- Access ------------------------------------------------------------------------------------------------------

-- Sign-ins to this account that have failed of late, as a JSON list of moments, the newest first: signing in clears it
-- in the row that it writes anyway. Those at names that nobody has are in login_attempts.
ALTER TABLE users ADD COLUMN failed_sign_ins TEXT NOT NULL DEFAULT '[]';

-- Who has administered what, and who has signed in. `id` is the moment in microseconds, or one more than the last one's:
-- entries of a time are found by it, and one row without an index is all that an entry writes.
CREATE TABLE audit_log (
  id INTEGER PRIMARY KEY,
  actor_id INTEGER REFERENCES users (id),  -- NULL: nobody was signed in
  api_key_id INTEGER,                      -- the key that it was done with
  action TEXT NOT NULL,
  target_id INTEGER,                       -- of the kind that the action names
  address TEXT NOT NULL,                   -- of the network
  details TEXT NOT NULL DEFAULT '{}'       -- JSON: no secrets, and no text that somebody wrote
) STRICT;

-- Nothing in it is ever changed, and nothing that is younger than 400 days deleted, whoever asks for it. An insertion
-- that replaces a row deletes it without asking a trigger for deletions: entries are only ever added at the end.
CREATE TRIGGER audit_log_is_appended
BEFORE INSERT ON audit_log
WHEN NEW.id <= (SELECT max(id) FROM audit_log)
BEGIN
  SELECT RAISE(ABORT, 'APPEND_ONLY');
END;
CREATE TRIGGER audit_log_is_unchanged
BEFORE UPDATE ON audit_log
BEGIN
  SELECT RAISE(ABORT, 'APPEND_ONLY');
END;
CREATE TRIGGER audit_log_is_kept
BEFORE DELETE ON audit_log
WHEN OLD.id >= (unixepoch() - 34560000) * 1000000
BEGIN
  SELECT RAISE(ABORT, 'APPEND_ONLY');
END;

-- Keys of programs. Only their SHA-256 is kept. Their end deletes the row: the audit log tells of it.
CREATE TABLE api_keys (
  id INTEGER PRIMARY KEY AUTOINCREMENT,    -- never given again: the audit log names it
  uid TEXT NOT NULL UNIQUE,
  user_id INTEGER NOT NULL REFERENCES users (id),
  name TEXT NOT NULL,
  hash TEXT NOT NULL UNIQUE,
  hint TEXT NOT NULL,                      -- how the key ends
  role TEXT NOT NULL CHECK (role IN ('customer', 'agent', 'manager', 'admin')),   -- what it may do at most
  owner_role TEXT NOT NULL,                -- the owner's role when it was made: with another one it is dead
  scopes TEXT NOT NULL CHECK (json_valid(scopes)),    -- sorted JSON array
  created_at INTEGER NOT NULL,
  expires_at INTEGER,
  last_used_at INTEGER                     -- by the hour
) STRICT;
CREATE INDEX api_keys_by_user ON api_keys (user_id);

-- The second factor of a sign-in. The secret is not kept: it is derived from the salt by the secret of the desk.
CREATE TABLE second_factors (
  user_id INTEGER PRIMARY KEY REFERENCES users (id),
  salt TEXT NOT NULL,
  confirmed_at INTEGER,                    -- NULL: set up, and asked for by no sign-in yet
  last_step INTEGER NOT NULL DEFAULT 0,    -- the time step of the last code: no code is taken twice
  recovery_codes TEXT NOT NULL DEFAULT '[]'   -- keyed hashes of those that have not been used
) STRICT;
ALTER TABLE users ADD COLUMN two_factor INTEGER NOT NULL DEFAULT 0 CHECK (two_factor IN (0, 1));   -- it is confirmed
ALTER TABLE settings ADD COLUMN require_two_factor TEXT NOT NULL DEFAULT 'off'
  CHECK (require_two_factor IN ('off', 'staff', 'all'));
