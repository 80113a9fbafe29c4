//! Views: tables of fields from which the answers and the schemas of the API document are made.
//!
//! A row of a list, or a resource, is read as one text with its columns, from which
//! [`render`](crate::store::sql::render) makes the JSON. JSON that is part of a larger text, such as a frame or a
//! webhook's body, is built in SQL.

use crate::http::shape::Choices;

/// The type of a field of an answer.
#[derive(Clone, Copy, Debug)]
pub enum Out {
    Int,
    Text,
    /// Epoch milliseconds in the table, RFC 3339 in the answer.
    Time,
    /// 0 and 1 in the table, false and true in the answer.
    Flag,
    /// One word of a closed list.
    Word(&'static Choices),
    /// Already JSON: a person's card.
    Card,
    /// The id of a user in the table, the person in the answer.
    Person,
    /// The same with what only some readers see: `$CONTACT` stands for further columns after [`PERSON`], and `$CARD` for
    /// the JSON.
    Contact,
    /// Already JSON: an object or a list of the named schema.
    Json(&'static str),
    /// 1, 2, 3 ... in the table, the words of a closed list in the answer.
    Rank(&'static Choices),
    /// JSON that is computed from columns.
    Computed(&'static Computed),
}

/// A field that is computed from columns when a row is rendered.
#[derive(Debug)]
pub struct Computed {
    /// The name of its schema in the API document.
    pub schema: &'static str,
    /// The SQL of the columns that it needs.
    pub needs: &'static [&'static str],
    /// Makes its JSON from the JSON texts of these columns.
    pub make: fn(&[&str]) -> String,
}

/// The columns of a person, which are the fields of its JSON.
pub const PERSON: [&str; 5] = ["id", "uid", "full_name", "role", "avatar_url"];

/// One field of an answer.
#[derive(Clone, Copy, Debug)]
pub struct OutField {
    pub name: &'static str,
    pub sql: &'static str,
    pub out: Out,
    pub nullable: bool,
    /// One sentence for the API document; may be empty if the name explains itself.
    pub doc: &'static str,
}

/// A field that is always present and never null.
pub const fn field(name: &'static str, sql: &'static str, out: Out) -> OutField {
    OutField {
        name,
        sql,
        out,
        nullable: false,
        doc: "",
    }
}

/// A field that may be null.
pub const fn nullable(name: &'static str, sql: &'static str, out: Out) -> OutField {
    OutField {
        name,
        sql,
        out,
        nullable: true,
        doc: "",
    }
}

impl OutField {
    /// Sets the description of the field in the API document.
    #[must_use]
    pub const fn doc(self, doc: &'static str) -> OutField {
        OutField { doc, ..self }
    }
}

/// A resource as the API returns it.
#[derive(Debug)]
pub struct View {
    /// Its name in the API document.
    pub name: &'static str,
    pub fields: &'static [OutField],
}

impl View {
    /// The SQL expression that builds one JSON object.
    pub fn sql(&self) -> String {
        object(self.fields.iter().map(|field| (field.name, value(field))))
    }
}

/// The SQL expression that builds a JSON object from named expressions that give JSON text.
pub fn object(fields: impl Iterator<Item = (&'static str, String)>) -> String {
    let mut terms = Vec::new();
    let mut lead = "{";
    for (name, sql) in fields {
        terms.push(format!("'{lead}\"{name}\":'||{sql}"));
        lead = ",";
    }
    terms.push("'}'".to_owned());
    // SQLite's parse tree of a chain of operators is as deep as the chain is long, and D1 allows a depth of 100.
    let groups: Vec<String> = terms
        .chunks(8)
        .map(|group| format!("({})", group.join("||")))
        .collect();
    groups.join("||")
}

/// SQL expression of the JSON text of a point in time.
pub fn time(sql: &str) -> String {
    format!("coalesce('\"'||strftime('%Y-%m-%dT%H:%M:%fZ',{sql}/1000.0,'unixepoch')||'\"','null')")
}

fn or_null(nullable: bool, sql: String) -> String {
    if nullable {
        format!("coalesce({sql},'null')")
    } else {
        sql
    }
}

fn value(field: &OutField) -> String {
    let OutField { sql, nullable, .. } = *field;
    match (field.out, nullable) {
        (Out::Int, false) => sql.to_owned(),
        (Out::Int, true) | (Out::Card | Out::Json(_), true) => format!("coalesce({sql},'null')"),
        (Out::Text, _) => format!("json_quote({sql})"),
        (Out::Time, _) => time(sql),
        (Out::Flag, _) => format!("iif({sql},'true','false')"),
        (Out::Word(_), false) => format!("'\"'||{sql}||'\"'"),
        (Out::Word(_), true) => format!("coalesce('\"'||{sql}||'\"','null')"),
        (Out::Card | Out::Json(_) | Out::Computed(_), _) => sql.to_owned(),
        (Out::Person, _) => or_null(nullable, format!("(SELECT card FROM users WHERE id={sql})")),
        (Out::Contact, _) => or_null(nullable, format!("(SELECT $CARD FROM users WHERE id={sql})")),
        (Out::Rank(words), _) => {
            let words = words.list.iter().enumerate();
            let when: String = words
                .map(|(at, word)| format!(" WHEN {} THEN '\"{word}\"'", at.saturating_add(1)))
                .collect();
            format!("CASE {sql}{when} ELSE 'null' END")
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn objects_are_concatenations() {
        const VIEW: View = View {
            name: "T",
            fields: &[field("id", "t.id", Out::Int), nullable("at", "t.at", Out::Time)],
        };
        assert_eq!(
            VIEW.sql(),
            "('{\"id\":'||t.id||',\"at\":'||coalesce('\"'||strftime('%Y-%m-%dT%H:%M:%fZ',t.at/1000.0,'unixepoch')||'\"','null')||'}')"
        );
    }
}
