-- Watchers, merged tickets, and what people have read.

-- People who are told of a ticket as its assignee is. Whoever sees the ticket no longer loses the row.
CREATE TABLE ticket_watchers (
  ticket_id INTEGER NOT NULL REFERENCES tickets (id),
  user_id INTEGER NOT NULL REFERENCES users (id),
  added_by INTEGER REFERENCES users (id),  -- NULL: it came by a merge
  added_at INTEGER NOT NULL,
  PRIMARY KEY (ticket_id, user_id)
) STRICT, WITHOUT ROWID;
CREATE INDEX ticket_watchers_by_user ON ticket_watchers (user_id, ticket_id);   -- what a person loses

-- Tickets that were merged into others. Their messages and files are at the survivor; they themselves are closed, and
-- what still comes for them by mail is led there.
CREATE TABLE ticket_merges (
  merged_id INTEGER PRIMARY KEY REFERENCES tickets (id),
  survivor_id INTEGER NOT NULL REFERENCES tickets (id),   -- where everything is now: the end of the chain
  into_id INTEGER NOT NULL REFERENCES tickets (id),       -- what it was merged into, and may have been merged itself since
  requester_id INTEGER NOT NULL REFERENCES users (id),    -- of the merged ticket: may read what is public at the survivor
  moved TEXT NOT NULL,                     -- JSON: what undoing the merge puts back (store/tickets/relations/merges.rs)
  merged_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX ticket_merges_by_survivor ON ticket_merges (survivor_id, requester_id);

-- How far a person has read a ticket, in the count of events that this person sees.
CREATE TABLE ticket_seen (
  user_id INTEGER NOT NULL REFERENCES users (id),
  ticket_id INTEGER NOT NULL REFERENCES tickets (id),
  seq INTEGER NOT NULL,
  PRIMARY KEY (user_id, ticket_id)
) STRICT, WITHOUT ROWID;
