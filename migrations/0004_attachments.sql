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
  purged_at INTEGER                        -- the object is gone for good
) STRICT;
CREATE INDEX attachments_by_ticket ON attachments (ticket_id, attached_at) WHERE attached_at IS NOT NULL AND deleted_at IS NULL;
CREATE INDEX attachments_pending ON attachments (ticket_id, created_at) WHERE attached_at IS NULL AND deleted_at IS NULL;
CREATE INDEX attachments_of_message ON attachments (message_id) WHERE message_id IS NOT NULL;
CREATE INDEX attachments_abandoned ON attachments (created_at) WHERE attached_at IS NULL AND deleted_at IS NULL;
CREATE INDEX attachments_to_purge ON attachments (created_at) WHERE deleted_at IS NOT NULL AND purged_at IS NULL;

CREATE TRIGGER attachments_counts_attach
AFTER UPDATE OF attached_at ON attachments
WHEN OLD.attached_at IS NULL AND NEW.attached_at IS NOT NULL
BEGIN
  UPDATE tickets SET
    attachment_count = attachment_count + 1,
    public_attachment_count = public_attachment_count + (NEW.is_internal = 0),
    updated_at = max(updated_at, NEW.attached_at),
    public_updated_at = iif(NEW.is_internal = 0, max(public_updated_at, NEW.attached_at), public_updated_at)
  WHERE id = NEW.ticket_id;
END;
CREATE TRIGGER attachments_counts_delete
AFTER UPDATE OF deleted_at ON attachments
WHEN OLD.deleted_at IS NULL AND NEW.deleted_at IS NOT NULL AND OLD.attached_at IS NOT NULL
BEGIN
  UPDATE tickets SET
    attachment_count = attachment_count - 1,
    public_attachment_count = public_attachment_count - (NEW.is_internal = 0)
  WHERE id = NEW.ticket_id;
END;

-- A message takes its files with it.
CREATE TRIGGER messages_attachments_delete
AFTER UPDATE OF deleted_at ON messages
WHEN OLD.deleted_at IS NULL AND NEW.deleted_at IS NOT NULL
BEGIN
  UPDATE attachments SET deleted_at = NEW.deleted_at WHERE message_id = NEW.id AND deleted_at IS NULL;
END;
