
-- The knowledge base -----------------------------------------------------------------------------------------

CREATE TABLE articles (
  id INTEGER PRIMARY KEY AUTOINCREMENT,    -- never given again: an old link leads to nothing, not to another
  uid TEXT NOT NULL UNIQUE,
  slug TEXT NOT NULL UNIQUE,               -- its name in addresses; neither digits nor a UUID
  title TEXT NOT NULL,
  title_index TEXT,                        -- the title as it is indexed, where that differs (CJK)
  summary TEXT NOT NULL DEFAULT '',
  body TEXT NOT NULL,
  body_index TEXT,                         -- summary and body as they are indexed, where that differs
  status TEXT NOT NULL CHECK (status IN ('draft', 'published', 'archived')),
  category_id INTEGER REFERENCES categories (id),
  author_id INTEGER NOT NULL REFERENCES users (id),
  helpful_count INTEGER NOT NULL DEFAULT 0,
  not_helpful_count INTEGER NOT NULL DEFAULT 0,
  version INTEGER NOT NULL DEFAULT 1,
  created_at INTEGER NOT NULL,
  updated_at INTEGER NOT NULL,
  published_at INTEGER                     -- the first time
) STRICT;
-- Lists are walks from the newest down, by status and by category.
CREATE INDEX articles_by_status ON articles (status);
CREATE INDEX articles_by_category ON articles (category_id, status);

CREATE TRIGGER articles_version
BEFORE UPDATE OF version ON articles
WHEN NEW.version <> OLD.version + 1
BEGIN
  SELECT RAISE(ABORT, 'STALE_VERSION');
END;

-- `facts` holds a token for the status ('spublished') and one for the category ('c3'; 'c0' is none), so that
-- a search touches no article that its reader may not see.
CREATE VIRTUAL TABLE article_search USING fts5 (
  title, body, facts,
  content = '', contentless_delete = 1, tokenize = 'unicode61 remove_diacritics 2'
);

-- One vote per account, or per address and day. No address is kept: `voter` is 'u<id>' or a keyed hash.
CREATE TABLE article_votes (
  article_id INTEGER NOT NULL REFERENCES articles (id) ON DELETE CASCADE,
  voter TEXT NOT NULL,
  is_helpful INTEGER NOT NULL CHECK (is_helpful IN (0, 1)),
  created_at INTEGER NOT NULL,
  PRIMARY KEY (article_id, voter)
) STRICT, WITHOUT ROWID;

-- Reports ----------------------------------------------------------------------------------------------------

-- Reports of a range read the range: what was resolved in it, for the desk and for a customer, and what
-- happened in it. What was created in it has its indexes above.
-- What was resolved when, for reports; and what waits to be closed by the desk itself.
CREATE INDEX tickets_by_resolved ON tickets (status, resolved_at) WHERE deleted_at IS NULL AND resolved_at IS NOT NULL;
-- Events are numbered in the order of their times, so a range of time is a range of ids; the clock notes once an hour where
-- it is: at this time, the next event had this id or a higher one. An index on the time would be one more written row for
-- each event. It has only those that were moved in time.
CREATE TABLE event_marks (
  at INTEGER PRIMARY KEY,
  event_id INTEGER NOT NULL
) STRICT;
CREATE INDEX events_backdated ON events (created_at) WHERE is_backdated = 1;
