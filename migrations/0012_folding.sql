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
