//! What input looks like: one table per body or query, which the reader and the OpenAPI document share.

use crate::desk::validation::FieldError;

/// What a field may hold.
#[derive(Clone, Copy, Debug)]
pub enum Kind {
    /// One line of text; no control characters. Length in Unicode scalar values after trimming.
    Line { min: usize, max: usize },
    /// Text of many lines; of the control characters only tab, LF and CR.
    Text { min: usize, max: usize },
    /// A new password: 8 to 128 characters, at most 512 bytes, taken exactly as it is.
    Password,
    /// A secret that somebody claims to know: a password, a token. Up to 4,096 bytes, taken as it is.
    Secret,
    /// An address, up to 254 characters.
    Email,
    /// A username: 1 to 100 letters, digits, `.`, `_`, `-`.
    Username,
    /// An absolute http or https URL, up to 2,048 characters.
    Url,
    /// One word of a closed list.
    Choice(&'static Choices),
    /// Words of a closed list, comma-separated or repeated in a query.
    AnyOf(&'static Choices),
    /// true or false.
    Flag,
    /// A whole number.
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
    /// An RFC 3339 moment, or in a query also a date (its first moment, UTC).
    Time,
    /// An opaque word that we gave out, such as a cursor.
    Opaque,
    /// What somebody searches for: text of any length and kind, never an error.
    Search,
    /// JSON of a form of its own.
    Json(&'static JsonFormat),
}

/// JSON that `desk` reads by itself.
#[derive(Debug)]
pub struct JsonFormat {
    /// The name of its schema in the document.
    pub schema: &'static str,
    /// Everything that is wrong with it.
    pub validate: fn(&serde_json::Value) -> Vec<FieldError>,
}

/// A closed list of words, and how older or looser spellings become one of them.
#[derive(Debug)]
pub struct Choices {
    pub list: &'static [&'static str],
    pub parse: fn(&str) -> Option<&'static str>,
}

/// Whether a field must be there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Need {
    Required,
    Optional,
    /// May be absent (nothing changes) or null (it is cleared).
    Nullable,
}

/// One field.
#[derive(Clone, Copy, Debug)]
pub struct Field {
    pub name: &'static str,
    /// Other names that existing clients use.
    pub aliases: &'static [&'static str],
    pub kind: Kind,
    pub need: Need,
    /// One sentence for the document.
    pub doc: &'static str,
}

impl Field {
    /// A field that must be there.
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

    /// The same under other names too.
    #[must_use]
    pub const fn or(self, aliases: &'static [&'static str]) -> Field {
        Field { aliases, ..self }
    }
}

/// The fields of one body or query.
#[derive(Debug)]
pub struct Shape {
    /// Its name in the document.
    pub name: &'static str,
    pub fields: &'static [Field],
}

pub mod choices {
    //! The closed lists of the desk.

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
}
