-- Attachments ------------------------------------------------------------------------------------------------

-- One row per file from the moment its upload is allowed: it binds the object to who may register it, where and
-- as what. `uid` is the object's key. A file is pending (neither attached nor deleted), attached, or deleted; its
-- object is removed at deletion, and once more by the sweep, when no link can bring it back: then it is purged.
CREATE TABLE attachments (
  id INTEGER PRIMARY KEY,
  uid TEXT NOT NULL UNIQUE,
  ticket_id INTEGER NOT NULL REFERENCES tickets (id),
  message_id INTEGER REFERENCES messages (id),
  uploader_id INTEGER NOT NULL REFERENCES users (id),
  filename TEXT NOT NULL,
  content_type TEXT NOT NULL,
  size INTEGER NOT NULL CHECK (size > 0),
  is_internal INTEGER NOT NULL DEFAULT 0 CHECK (is_internal IN (0, 1)),   -- as hidden as an internal note
  created_at INTEGER NOT NULL,             -- the upload was allowed
  attached_at INTEGER,                     -- it was registered: from now on others see it
  deleted_at INTEGER,
  purged_at INTEGER,                       -- the object is gone for good
  is_inline INTEGER NOT NULL DEFAULT 0 CHECK (is_inline IN (0, 1)),   -- a picture in the text of a mail: takes no place
  digest TEXT                              -- of a picture that came by mail: the same one is kept once on a ticket
) STRICT;
CREATE INDEX attachments_by_ticket ON attachments (ticket_id, attached_at) WHERE attached_at IS NOT NULL AND deleted_at IS NULL;
CREATE INDEX attachments_pending ON attachments (ticket_id, created_at) WHERE attached_at IS NULL AND deleted_at IS NULL;
CREATE INDEX attachments_of_message ON attachments (message_id) WHERE message_id IS NOT NULL;
CREATE INDEX attachments_abandoned ON attachments (created_at) WHERE attached_at IS NULL AND deleted_at IS NULL;
CREATE INDEX attachments_to_purge ON attachments (created_at) WHERE deleted_at IS NOT NULL AND purged_at IS NULL;

