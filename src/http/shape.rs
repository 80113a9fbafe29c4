//! Describes input: one table per body or query. Parsing and the OpenAPI document both use it.

use crate::desk::validation::FieldError;

/// The type of a field and its limits.
#[derive(Clone, Copy, Debug)]
pub enum Kind {
    /// One line of text without control characters. Its length counts Unicode scalar values after trimming.
    Line { min: usize, max: usize },
    /// Text of several lines: tab, LF and CR are the only control characters.
    Text { min: usize, max: usize },
    /// A new password: 8 to 128 characters, at most 512 bytes, used exactly as sent.
    Password,
    /// A secret to be checked, such as a password or token: up to 4,096 bytes, used exactly as sent.
    Secret,
    /// An e-mail address of up to 254 characters.
    Email,
    /// A username: 1 to 100 letters, digits, `.`, `_`, `-`.
    Username,
    /// An absolute http or https URL, up to 2,048 characters.
    Url,
    /// One of a list of choices.
    Choice(&'static Choices),
    /// Several of a list of choices; in a query comma-separated or repeated.
    AnyOf(&'static Choices),
    /// Names; in a query comma-separated or repeated. Whoever reads them knows which there are.
    Names,
    /// A boolean.
    Flag,
    /// An integer.
    Integer { min: i64, max: i64 },
    /// The id or uid of a row.
    Reference,
    /// The id or uid of a row, or one of these words.
    ReferenceOr(&'static [&'static str]),
    /// The id, uid or slug of a row.
    Slug,
    /// A list of up to 200 ids or uids.
    References,
    /// A list of up to 200 ids, uids or slugs.
    Slugs,
    /// The key of a project, in any case.
    ProjectKey,
    /// Up to 20 tags of 1 to 50 characters: letters, digits, `_`, `-`, `.`, `:`; in lower case.
    Tags,
    /// An RFC 3339 time; in a query also a date, which means its first moment in UTC.
    Time,
    /// A string that we issued, such as a cursor.
    Opaque,
    /// Search text of any length and content; never invalid.
    Search,
    /// JSON with a format of its own.
    Json(&'static JsonFormat),
}

/// JSON that `desk` parses itself.
#[derive(Debug)]
pub struct JsonFormat {
    /// The name of its schema in the OpenAPI document.
    pub schema: &'static str,
    /// Returns all validation errors.
    pub validate: fn(&serde_json::Value) -> Vec<FieldError>,
}

/// A list of choices. `parse` maps older or looser spellings to one of them.
#[derive(Debug)]
pub struct Choices {
    pub list: &'static [&'static str],
    pub parse: fn(&str) -> Option<&'static str>,
}

/// Whether a field must be present.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Need {
    Required,
    Optional,
    /// May be absent (no change) or null (cleared).
    Nullable,
}

/// A field of a body or query.
#[derive(Clone, Copy, Debug)]
pub struct Field {
    pub name: &'static str,
    /// Further names that existing clients use.
    pub aliases: &'static [&'static str],
    pub kind: Kind,
    pub need: Need,
    /// One sentence for the OpenAPI document.
    pub doc: &'static str,
}

impl Field {
    /// A field that must be present.
    pub const fn required(name: &'static str, kind: Kind, doc: &'static str) -> Field {
        Field {
            name,
            aliases: &[],
            kind,
            need: Need::Required,
            doc,
        }
    }

    /// A field that may be absent.
    pub const fn optional(name: &'static str, kind: Kind, doc: &'static str) -> Field {
        Field {
            name,
            aliases: &[],
            kind,
            need: Need::Optional,
            doc,
        }
    }

    /// A field that may be absent or null.
    pub const fn nullable(name: &'static str, kind: Kind, doc: &'static str) -> Field {
        Field {
            name,
            aliases: &[],
            kind,
            need: Need::Nullable,
            doc,
        }
    }

    /// The field with further names.
    #[must_use]
    pub const fn or(self, aliases: &'static [&'static str]) -> Field {
        Field { aliases, ..self }
    }
}

/// The fields of one body or query.
#[derive(Debug)]
pub struct Shape {
    /// Its name in the OpenAPI document.
    pub name: &'static str,
    pub fields: &'static [Field],
}

pub mod choices {
    //! The choices that shapes use.

    use crate::desk::article;
    use crate::desk::person::Role;
    use crate::desk::tickets::priority::Priority;
    use crate::desk::tickets::status::{Lifecycle, Status};
    use crate::http::shape::Choices;

    pub static STATUS: Choices = Choices {
        list: &Status::WORDS,
        parse: |word| Status::parse(word).map(Status::as_str),
    };
    pub static PRIORITY: Choices = Choices {
        list: &Priority::WORDS,
        parse: |word| Priority::parse(word).map(Priority::as_str),
    };
    pub static WORKFLOW: Choices = Choices {
        list: &Lifecycle::WORDS,
        parse: |word| Lifecycle::parse(word).map(Lifecycle::as_str),
    };
    pub static ORDER: Choices = Choices {
        list: &["asc", "desc"],
        parse: |word| ORDER.list.iter().find(|known| **known == word).copied(),
    };
    pub static ROLE: Choices = Choices {
        list: &Role::WORDS,
        parse: |word| Role::parse(word).map(Role::as_str),
    };
    pub static ARTICLE_STATUS: Choices = Choices {
        list: &article::ArticleStatus::WORDS,
        parse: |word| article::ArticleStatus::parse(word).map(article::ArticleStatus::as_str),
    };
    pub static TICKET_SORT: Choices = Choices {
        list: &[
            "created_at",
            "-created_at",
            "updated_at",
            "-updated_at",
            "priority",
            "-priority",
            "resolution_due_at",
            "-resolution_due_at",
        ],
        parse: |word| TICKET_SORT.list.iter().find(|known| **known == word).copied(),
    };
    /// The fields of a ticket in a list, and `row`: those that a list on a screen needs.
    pub static TICKET_FIELDS: Choices = Choices {
        list: &[
            "row",
            "id",
            "uid",
            "number",
            "key",
            "title",
            "description",
            "status",
            "priority",
            "category",
            "subcategory",
            "department",
            "project",
            "tags",
            "requester",
            "assignee",
            "cc",
            "contact_email",
            "workflow",
            "version",
            "channel",
            "external_id",
            "created_at",
            "updated_at",
            "first_response_due_at",
            "first_responded_at",
            "resolution_due_at",
            "resolved_at",
            "closed_at",
            "sla",
            "message_count",
            "attachment_count",
            "allowed_transitions",
            "custom_fields",
            "merged_into",
            "last_message",
            "unread",
        ],
        parse: |word| TICKET_FIELDS.list.iter().find(|known| **known == word).copied(),
    };
}
