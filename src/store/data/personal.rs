//! All that is held on a person, in sections that are read page by page. Tables that are not found by the person are
//! walked in stretches of ids, so that each page is a bounded read however large the desk is.
//!
//! Whatever new is kept about people gets a section here, and is erased in `erasure.rs`.

use crate::edge::db::Stmt;
use crate::store::sql::view::{Out, View, field, nullable};

/// A part of what is held on a person.
#[derive(Debug)]
pub struct Section {
    /// Its name in the document.
    pub name: &'static str,
    pub view: &'static View,
    /// The table with its alias, and what joins it.
    from: &'static str,
    /// The position of a row: it rises, and is the id of the page.
    key: &'static str,
    /// The rows of the person `p`.
    condition: &'static str,
    /// The table whose ids are walked; `None` if the person finds the rows.
    walks: Option<&'static str>,
}

/// How many ids one page walks, and how many rows it has at most.
const STRETCH: i64 = 20_000;
const ROWS: i64 = 200;

static SESSIONS: View = View {
    name: "PersonalSession",
    fields: &[
        field("created_at", "s.created_at", Out::Time),
        field("last_used_at", "s.last_used_at", Out::Time),
        field("expires_at", "s.expires_at", Out::Time),
        nullable("revoked_at", "s.revoked_at", Out::Time),
        field("user_agent", "s.user_agent", Out::Text),
        field("address", "s.address", Out::Text),
    ],
};
static PREFERENCES: View = View {
    name: "PersonalPreference",
    fields: &[
        field("kind", "x.kind", Out::Text),
        field("live", "x.live", Out::Flag),
        field("email", "x.email", Out::Flag),
    ],
};
static NOTIFICATIONS: View = View {
    name: "PersonalNotification",
    fields: &[
        field("kind", "n.kind", Out::Text),
        nullable("ticket_id", "n.ticket_id", Out::Int),
        field("created_at", "n.created_at", Out::Time),
        nullable("read_at", "n.read_at", Out::Time),
        nullable("mailed_at", "n.mailed_at", Out::Time),
    ],
};
static TICKETS: View = View {
    name: "PersonalTicket",
    fields: &[
        field("id", "t.id", Out::Int),
        field("number", "t.number", Out::Text),
        field("title", "t.title", Out::Text),
        field("description", "t.description", Out::Text),
        field("status", "t.status", Out::Text),
        nullable("contact_email", "t.contact_email", Out::Text),
        field("channel", "t.channel", Out::Text),
        field("created_at", "t.created_at", Out::Time),
        nullable("deleted_at", "t.deleted_at", Out::Time),
    ],
};
static MESSAGES: View = View {
    name: "PersonalMessage",
    fields: &[
        field("id", "m.id", Out::Int),
        field("ticket_id", "m.ticket_id", Out::Int),
        nullable("body", "iif(m.is_internal,NULL,m.body)", Out::Text)
            .doc("Null for an internal note: it is about other people."),
        field("is_internal", "m.is_internal", Out::Flag),
        field("channel", "m.channel", Out::Text),
        field("created_at", "m.created_at", Out::Time),
        nullable("deleted_at", "m.deleted_at", Out::Time),
    ],
};
static FILES: View = View {
    name: "PersonalFile",
    fields: &[
        field("id", "f.id", Out::Int),
        field("ticket_id", "f.ticket_id", Out::Int),
        field("filename", "f.filename", Out::Text),
        field("content_type", "f.content_type", Out::Text),
        field("size", "f.size", Out::Int),
        field("created_at", "f.created_at", Out::Time),
        nullable("deleted_at", "f.deleted_at", Out::Time),
    ],
};
static ACTIVITY: View = View {
    name: "PersonalActivity",
    fields: &[
        field("ticket_id", "e.ticket_id", Out::Int),
        field("type", "e.type", Out::Text),
        field("created_at", "e.created_at", Out::Time),
    ],
};
static COPIES: View = View {
    name: "PersonalCopy",
    fields: &[
        field("ticket_id", "c.ticket_id", Out::Int),
        field("address", "c.address", Out::Text),
        field("name", "c.name", Out::Text),
        field("added_at", "c.added_at", Out::Time),
        nullable("left_at", "c.left_at", Out::Time),
    ],
};
static MAILS: View = View {
    name: "PersonalMail",
    fields: &[
        field("sender", "l.sender", Out::Text),
        nullable("author", "l.author", Out::Text),
        nullable("subject", "l.subject", Out::Text),
        field("outcome", "l.outcome", Out::Text),
        field("received_at", "l.received_at", Out::Time),
    ],
};
static ARTICLES: View = View {
    name: "PersonalArticle",
    fields: &[
        field("id", "a.id", Out::Int),
        field("title", "a.title", Out::Text),
        field("created_at", "a.created_at", Out::Time),
    ],
};
static VOTES: View = View {
    name: "PersonalVote",
    fields: &[
        field("article_id", "v.article_id", Out::Int),
        field("is_helpful", "v.is_helpful", Out::Flag),
        field("created_at", "v.created_at", Out::Time),
    ],
};

static KEYS: View = View {
    name: "PersonalApiKey",
    fields: &[
        field("name", "k.name", Out::Text),
        field("hint", "k.hint", Out::Text),
        field("created_at", "k.created_at", Out::Time),
        nullable("last_used_at", "k.last_used_at", Out::Time),
    ],
};
static AUDIT: View = View {
    name: "PersonalAuditEntry",
    fields: &[
        field("action", "l.action", Out::Text),
        field("address", "l.address", Out::Text),
        field("created_at", "(l.id/1000)", Out::Time),
    ],
};

static WATCHED: View = View {
    name: "PersonalWatch",
    fields: &[
        field("ticket_id", "w.ticket_id", Out::Int),
        field("added_at", "w.added_at", Out::Time),
    ],
};
static RATINGS: View = View {
    name: "PersonalRating",
    fields: &[
        field("ticket_id", "r.ticket_id", Out::Int),
        field("score", "r.score", Out::Int),
        nullable("comment", "r.comment", Out::Text),
        field("created_at", "r.created_at", Out::Time),
    ],
};
static MACROS: View = View {
    name: "PersonalMacro",
    fields: &[
        field("name", "x.name", Out::Text),
        nullable("body", "x.body", Out::Text),
        field("shared", "x.shared", Out::Flag),
        field("created_at", "x.created_at", Out::Time),
    ],
};
static VIEWS: View = View {
    name: "PersonalView",
    fields: &[
        field("name", "x.name", Out::Text),
        field("created_at", "x.created_at", Out::Time),
    ],
};

/// The sections in the order of the document.
pub static SECTIONS: [Section; 17] = [
    Section {
        name: "watched_tickets",
        view: &WATCHED,
        from: "ticket_watchers w",
        key: "w.ticket_id",
        condition: "w.user_id = p.id",
        walks: None,
    },
    Section {
        name: "ratings",
        view: &RATINGS,
        from: "tickets t CROSS JOIN ratings r ON r.ticket_id = t.id AND r.resolved_at = \
               (SELECT max(resolved_at) FROM ratings WHERE ticket_id = t.id)",
        key: "t.id",
        condition: "+t.requester_id = p.id",
        walks: Some("tickets"),
    },
    Section {
        name: "macros",
        view: &MACROS,
        from: "macros x",
        key: "x.id",
        condition: "x.owner_id = p.id",
        walks: None,
    },
    Section {
        name: "views",
        view: &VIEWS,
        from: "views x",
        key: "x.id",
        condition: "x.owner_id = p.id",
        walks: None,
    },
    Section {
        name: "api_keys",
        view: &KEYS,
        from: "api_keys k",
        key: "k.id",
        condition: "k.user_id = p.id",
        walks: None,
    },
    Section {
        name: "audit_log",
        view: &AUDIT,
        from: "audit_log l",
        key: "l.id",
        condition: "l.actor_id = p.id",
        walks: None,
    },
    Section {
        name: "sessions",
        view: &SESSIONS,
        from: "sessions s",
        key: "s.id",
        condition: "s.user_id = p.id",
        walks: None,
    },
    Section {
        name: "notification_preferences",
        view: &PREFERENCES,
        from: "(SELECT *, row_number() OVER (ORDER BY kind) AS id FROM notification_preferences WHERE user_id = ?1) x",
        key: "x.id",
        condition: "x.user_id = p.id",
        walks: None,
    },
    Section {
        name: "notifications",
        view: &NOTIFICATIONS,
        from: "notices n",
        key: "n.id",
        condition: "n.user_id = p.id",
        walks: None,
    },
    Section {
        name: "tickets",
        view: &TICKETS,
        from: "tickets t",
        key: "t.id",
        condition: "+t.requester_id = p.id",
        walks: Some("tickets"),
    },
    Section {
        name: "messages",
        view: &MESSAGES,
        from: "messages m",
        key: "m.id",
        condition: "m.author_id = p.id",
        walks: Some("messages"),
    },
    Section {
        name: "files",
        view: &FILES,
        from: "attachments f",
        key: "f.id",
        condition: "f.uploader_id = p.id",
        walks: Some("attachments"),
    },
    Section {
        name: "activity",
        view: &ACTIVITY,
        from: "events e",
        key: "e.id",
        condition: "e.actor_id = p.id",
        walks: Some("events"),
    },
    Section {
        name: "copies",
        view: &COPIES,
        from: "ticket_addresses c",
        key: "c.ticket_id",
        condition: "c.kind = 'cc' AND c.address = p.email_key",
        walks: Some("tickets"),
    },
    Section {
        name: "refused_mails",
        view: &MAILS,
        from: "mail_log l",
        key: "l.id",
        condition: "lower(l.sender) = p.email_key",
        walks: Some("mail_log"),
    },
    Section {
        name: "articles",
        view: &ARTICLES,
        from: "articles a",
        key: "a.id",
        condition: "a.author_id = p.id",
        walks: Some("articles"),
    },
    Section {
        name: "article_votes",
        view: &VOTES,
        from: "article_votes v",
        key: "v.article_id",
        condition: "v.voter = 'u' || p.id",
        walks: Some("articles"),
    },
];

impl Section {
    /// The rows of a person after a position: `j`, `id`, at most [`Section::limit`]; and where their stretch ends
    /// (`id`; no row
    /// if nothing follows).
    pub fn page(&self, user_id: i64, after: i64) -> [Stmt; 2] {
        let Section {
            from, key, condition, ..
        } = self;
        let end = if self.walks.is_some() {
            format!("AND {key} <= ?2 + {STRETCH}")
        } else {
            String::new()
        };
        let rows = Stmt::new(format!(
            "SELECT {} AS j, {key} AS id FROM users p CROSS JOIN {from} WHERE p.id = ?1 AND {condition} AND {key} > ?2 {end} \
             ORDER BY {key} LIMIT {ROWS}",
            self.view.sql()
        ))
        .bind(user_id)
        .bind(after);
        let end = match self.walks {
            Some(table) => Stmt::new(format!(
                "SELECT CAST(?1 + {STRETCH} AS INTEGER) AS id WHERE (SELECT max(id) FROM {table}) > ?1 + {STRETCH}"
            )),
            None => Stmt::new("SELECT 0 AS id WHERE ?1 IS NULL"),
        };
        [rows, end.bind(after)]
    }

    /// How many rows a page has at most.
    pub fn limit(&self) -> usize {
        usize::try_from(ROWS).unwrap_or_default()
    }
}
