-- One folding for all that is searched: what is a word is decided by the Worker, for all scripts, and the tokenizer only
-- parts what it was given. The clock fills the indexes anew (see folding below): until it has, old tickets are not found.
DROP TABLE ticket_search;
CREATE VIRTUAL TABLE ticket_search USING fts5 (
  title, public, internal, scope,
  content = '', contentless_delete = 1, tokenize = 'ascii'
);
DROP TABLE article_search;
CREATE VIRTUAL TABLE article_search USING fts5 (
  title, body, facts,
  content = '', contentless_delete = 1, tokenize = 'ascii'
);

-- How people, projects and categories are found: their names as the Worker folds them.
ALTER TABLE users ADD COLUMN first_folded TEXT NOT NULL DEFAULT '';
ALTER TABLE users ADD COLUMN last_folded TEXT NOT NULL DEFAULT '';
ALTER TABLE users ADD COLUMN username_folded TEXT NOT NULL DEFAULT '';
ALTER TABLE users ADD COLUMN email_folded TEXT NOT NULL DEFAULT '';
ALTER TABLE users ADD COLUMN search_text TEXT NOT NULL GENERATED ALWAYS AS
  (first_folded || ' ' || last_folded || char(10) || username_folded || char(10) || email_folded) VIRTUAL;
ALTER TABLE projects ADD COLUMN search_text TEXT NOT NULL DEFAULT '';   -- name, line break, key
ALTER TABLE categories ADD COLUMN search_text TEXT NOT NULL DEFAULT '';
ALTER TABLE subcategories ADD COLUMN search_text TEXT NOT NULL DEFAULT '';
UPDATE categories SET search_text = lower(name);   -- the clock folds what is beyond ASCII

-- The words of people's names, for those who look for somebody's tickets. Addresses and usernames have indexes.
CREATE TABLE user_words (
  word TEXT NOT NULL,
  user_id INTEGER NOT NULL REFERENCES users (id),
  PRIMARY KEY (word, user_id)
) STRICT, WITHOUT ROWID;

-- How far the clock has come with folding what was written by an earlier version: of desk/fold/mod.rs, of a table (see
-- store/folding.rs), and of the table's rows. Who folds differently raises the version there.
CREATE TABLE folding (
  id INTEGER PRIMARY KEY CHECK (id = 1),
  version INTEGER NOT NULL DEFAULT 0,
  step INTEGER NOT NULL DEFAULT 0,
  after_id INTEGER NOT NULL DEFAULT 0
) STRICT;
INSERT INTO folding (id) VALUES (1);
