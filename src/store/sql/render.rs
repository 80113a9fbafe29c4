//! Renders rows as the JSON of a view.
//!
//! The database returns each row as one text: JSON arrays with the columns of the view, one after the other
//! (`[1,"a"][null]`), because D1 accepts 32 arguments to a function. This costs less than building the JSON in SQL:
//! the statement is shorter to compile and the text holds no names. Texts that are JSON objects already, because SQL
//! has built them, pass unchanged.

use crate::desk::time_zone::to_rfc3339;
use crate::store::sql::view::{Out, OutField, PERSON, View};

/// The most arguments of an SQL function in D1 (developers.cloudflare.com/d1/platform/limits).
const MAX_ARGUMENTS: usize = 32;

/// Some or all of the fields of a view, and the columns that they are made from.
#[derive(Debug)]
pub struct Selection {
    fields: Vec<SelectedField>,
    columns: Vec<Column>,
}

/// A column: its SQL, and whether that is the id of a person.
type Column = (&'static str, Option<PersonColumns>);

/// What is read of a person.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum PersonColumns {
    Card,
    Contact,
}

fn column_sql((sql, person): &Column) -> String {
    let more = match person {
        None => return (*sql).to_owned(),
        Some(PersonColumns::Card) => "",
        Some(PersonColumns::Contact) => "$CONTACT",
    };
    format!(
        "(SELECT json_array({}{more}) FROM users WHERE id={sql})",
        PERSON.join(",")
    )
}

#[derive(Debug)]
struct SelectedField {
    field: &'static OutField,
    /// The positions of its columns.
    cells: Vec<usize>,
}

impl Selection {
    /// All fields of a view.
    pub fn all(view: &'static View) -> Selection {
        Selection::of(view.fields.iter(), |_| true)
    }

    /// The fields whose names are wanted, in their order.
    pub fn of(
        fields: impl Iterator<Item = &'static OutField>,
        is_wanted: impl Fn(&str) -> bool,
    ) -> Selection {
        let mut columns: Vec<Column> = Vec::new();
        let mut position = |column: Column| {
            let found = columns.iter().position(|known| *known == column);
            found.unwrap_or_else(|| {
                columns.push(column);
                columns.len().saturating_sub(1)
            })
        };
        let fields = fields
            .filter(|field| is_wanted(field.name))
            .map(|field| SelectedField {
                field,
                cells: needed(field).map(&mut position).collect(),
            })
            .collect();
        Selection { fields, columns }
    }

    /// Whether a field is among them.
    pub fn has(&self, name: &str) -> bool {
        self.fields.iter().any(|selected| selected.field.name == name)
    }

    /// The same fields, made from columns that were stored in another order, or in part: what is missing is null.
    fn stored(view: &'static View, columns: &[String]) -> Selection {
        let fields = view.fields.iter().map(|field| SelectedField {
            field,
            cells: needed(field)
                .map(|(sql, _)| {
                    columns
                        .iter()
                        .position(|column| column == sql)
                        .unwrap_or(usize::MAX)
                })
                .collect(),
        });
        Selection {
            fields: fields.collect(),
            columns: Vec::new(),
        }
    }

    /// The SQL expression of a row's text.
    pub fn sql(&self) -> String {
        let arrays: Vec<String> = self
            .columns
            .chunks(MAX_ARGUMENTS)
            .map(|columns| {
                let columns: Vec<String> = columns.iter().map(column_sql).collect();
                format!("json_array({})", columns.join(","))
            })
            .collect();
        arrays.join("||")
    }

    /// Appends the JSON object of a row to `json`.
    pub fn render(&self, row: &str, json: &mut String) {
        if !row.starts_with('[') {
            json.push_str(row);
            return;
        }
        let cells = split_cells(row);
        let cell = |at: &usize| cells.get(*at).copied().unwrap_or("null");
        json.push('{');
        for (at, selected) in self.fields.iter().enumerate() {
            if at > 0 {
                json.push(',');
            }
            json.push('"');
            json.push_str(selected.field.name);
            json.push_str("\":");
            if let Out::Computed(computed) = selected.field.out {
                let needed: Vec<&str> = selected.cells.iter().map(cell).collect();
                json.push_str(&(computed.make)(&needed));
            } else {
                let first = selected.cells.first().map_or("null", cell);
                push_value(selected.field, first, json);
            }
        }
        json.push('}');
    }
}

/// The SQL of the text of a row with all fields of a view.
pub fn row_sql(view: &'static View) -> String {
    Selection::all(view).sql()
}

/// The JSON of a row with all fields of a view.
pub fn render(view: &'static View, row: String) -> String {
    if !row.starts_with('[') {
        return row;
    }
    let mut json = String::with_capacity(row.len().saturating_mul(2));
    Selection::all(view).render(&row, &mut json);
    json
}

/// Between the names of the columns and the row of a stored answer.
const END_OF_NAMES: char = '\n';

/// The names of the columns of a view, for [`render_stored`]: a row that is stored for a while may be read by a later
/// version, whose view has other columns.
pub fn column_names(view: &'static View) -> String {
    let names: Vec<&str> = Selection::all(view).columns.iter().map(|(sql, _)| *sql).collect();
    let names = serde_json::to_string(&names).unwrap_or_default();
    format!("{names}{END_OF_NAMES}")
}

/// The JSON of a row that was stored behind the names of its columns.
pub fn render_stored(view: &'static View, stored: String) -> String {
    let Some((names, row)) = stored.split_once(END_OF_NAMES) else {
        return stored;
    };
    let Ok(names) = serde_json::from_str::<Vec<String>>(names) else {
        return stored;
    };
    let mut json = String::new();
    Selection::stored(view, &names).render(row, &mut json);
    json
}

/// The columns that a field is made from.
fn needed(field: &'static OutField) -> impl Iterator<Item = Column> {
    let (columns, person) = match field.out {
        Out::Computed(computed) => (computed.needs, None),
        Out::Person => (std::slice::from_ref(&field.sql), Some(PersonColumns::Card)),
        Out::Contact => (std::slice::from_ref(&field.sql), Some(PersonColumns::Contact)),
        _ => (std::slice::from_ref(&field.sql), None),
    };
    columns.iter().map(move |sql| (*sql, person))
}

fn push_value(field: &OutField, cell: &str, json: &mut String) {
    match field.out {
        _ if cell == "null" => json.push_str(cell),
        Out::Int | Out::Text | Out::Word(_) | Out::Computed(_) => json.push_str(cell),
        Out::Flag => json.push_str(if cell == "0" { "false" } else { "true" }),
        Out::Time => match cell.parse() {
            Ok(at) => {
                json.push('"');
                json.push_str(&to_rfc3339(at));
                json.push('"');
            }
            Err(_) => json.push_str("null"),
        },
        Out::Rank(words) => {
            let rank: usize = cell.parse().unwrap_or_default();
            match words.list.get(rank.wrapping_sub(1)) {
                Some(word) => {
                    json.push('"');
                    json.push_str(word);
                    json.push('"');
                }
                None => json.push_str("null"),
            }
        }
        Out::Card | Out::Json(_) => push_json(cell, json),
        Out::Person | Out::Contact => push_person(cell, json),
    }
}

/// The names of what [`Out::Contact`] has after [`PERSON`].
const CONTACT: [&str; 1] = ["email"];

/// Appends a person, whose columns `cell` has.
pub fn push_person(cell: &str, json: &mut String) {
    let cells = split_cells(cell);
    if cells.is_empty() {
        json.push_str("null");
        return;
    }
    let mut lead = "{\"";
    for (name, cell) in PERSON.iter().chain(&CONTACT).zip(cells) {
        json.push_str(lead);
        json.push_str(name);
        json.push_str("\":");
        json.push_str(cell);
        lead = ",\"";
    }
    json.push('}');
}

/// JSON in a column: a text that holds JSON, or JSON that was built in the statement itself.
fn push_json(cell: &str, json: &mut String) {
    match cell
        .starts_with('"')
        .then(|| serde_json::from_str::<String>(cell))
    {
        Some(Ok(text)) => json.push_str(&text),
        Some(Err(_)) => json.push_str("null"),
        None => json.push_str(cell),
    }
}

/// Appends a JSON object with those members of another one that have these names.
pub fn push_members(object: &str, names: &[String], json: &mut String) {
    let mut lead = '{';
    for member in split_cells(object) {
        let name = member.strip_prefix('"').and_then(|rest| rest.split('"').next());
        if names.iter().any(|wanted| Some(wanted.as_str()) == name) {
            json.push(lead);
            json.push_str(member);
            lead = ',';
        }
    }
    if lead == '{' {
        json.push('{');
    }
    json.push('}');
}

/// The elements of one or several JSON arrays that follow each other without a gap.
pub fn split_cells(row: &str) -> Vec<&str> {
    let mut cells = Vec::with_capacity(48);
    let (mut depth, mut start, mut in_string, mut escaped) = (0_usize, 0_usize, false, false);
    for (at, byte) in row.bytes().enumerate() {
        if in_string {
            match byte {
                _ if escaped => escaped = false,
                b'\\' => escaped = true,
                b'"' => in_string = false,
                _ => {}
            }
            continue;
        }
        match byte {
            b'"' => in_string = true,
            b'[' | b'{' => {
                depth = depth.saturating_add(1);
                if depth == 1 {
                    start = at.saturating_add(1);
                }
            }
            b']' | b'}' => {
                depth = depth.saturating_sub(1);
                if depth == 0 {
                    cells.extend(row.get(start..at).filter(|cell| !cell.is_empty()));
                }
            }
            b',' if depth == 1 => {
                cells.extend(row.get(start..at));
                start = at.saturating_add(1);
            }
            _ => {}
        }
    }
    cells
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http::shape::choices;
    use crate::store::sql::view::{Computed, field, nullable};

    static SUM: Computed = Computed {
        schema: "Sum",
        needs: &["t.id", "t.b"],
        make: |cells| format!("{{\"all\":\"{}\"}}", cells.join("+")),
    };
    static VIEW: View = View {
        name: "T",
        fields: &[
            field("id", "t.id", Out::Int),
            field("title", "t.title", Out::Text),
            nullable("at", "t.at", Out::Time),
            field("is_open", "t.is_open", Out::Flag),
            field("priority", "t.priority", Out::Rank(&choices::PRIORITY)),
            nullable("card", "t.card", Out::Card),
            nullable("person", "t.person_id", Out::Person),
            field("sum", "$SUM", Out::Computed(&SUM)),
            field("tags", "t.tags", Out::Json("Tags")),
        ],
    };

    fn rendered(row: &str) -> String {
        render(&VIEW, row.to_owned())
    }

    #[test]
    fn rows_are_split_into_cells() {
        for (row, cells) in [
            ("[]", vec![]),
            ("[1]", vec!["1"]),
            ("[1,null]", vec!["1", "null"]),
            ("[1,2][3][\"x\"]", vec!["1", "2", "3", "\"x\""]),
            (r#"["a\"],[b",2]"#, vec![r#""a\"],[b""#, "2"]),
            (
                r#"["\\",{"a":[1,2]},[3,"]"]]"#,
                vec![r#""\\""#, r#"{"a":[1,2]}"#, r#"[3,"]"]"#],
            ),
            ("[\"ü,\",0]", vec!["\"ü,\"", "0"]),
        ] {
            assert_eq!(split_cells(row), cells, "{row}");
        }
    }

    #[test]
    fn members_are_picked_by_name() {
        let object = r#"{"id":7,"title":"a \"b\", {","person":{"id":3,"tags":["x"]},"tags":[],"at":null}"#;
        for (names, want) in [
            (vec!["id"], r#"{"id":7}"#),
            (vec!["tags", "title"], r#"{"title":"a \"b\", {","tags":[]}"#),
            (
                vec!["person", "at"],
                r#"{"person":{"id":3,"tags":["x"]},"at":null}"#,
            ),
            (vec!["gone"], "{}"),
        ] {
            let names: Vec<String> = names.into_iter().map(str::to_owned).collect();
            let mut json = String::new();
            push_members(object, &names, &mut json);
            assert_eq!(json, want);
        }
    }

    #[test]
    fn each_type_is_rendered() {
        assert_eq!(
            Selection::all(&VIEW).sql(),
            "json_array(t.id,t.title,t.at,t.is_open,t.priority,t.card,\
             (SELECT json_array(id,uid,full_name,role,avatar_url) FROM users WHERE id=t.person_id),t.b,t.tags)"
        );
        assert_eq!(
            rendered(
                r#"[7,"a \"b\"",1800000000000,0,4,"{\"id\":3}",[3,"u","A, \"B\"","agent",null],5,["x"]]"#
            ),
            r#"{"id":7,"title":"a \"b\"","at":"2027-01-15T08:00:00.000Z","is_open":false,"priority":"urgent","card":{"id":3},"person":{"id":3,"uid":"u","full_name":"A, \"B\"","role":"agent","avatar_url":null},"sum":{"all":"7+5"},"tags":["x"]}"#
        );
        assert_eq!(
            rendered(r#"[7,"",null,1,1,null,null,null,"[]"]"#),
            r#"{"id":7,"title":"","at":null,"is_open":true,"priority":"low","card":null,"person":null,"sum":{"all":"7+null"},"tags":[]}"#
        );
        assert_eq!(rendered(r#"{"id":1}"#), r#"{"id":1}"#);
    }

    #[test]
    fn some_fields_need_some_columns() {
        let some = Selection::of(VIEW.fields.iter(), |name| ["sum", "title"].contains(&name));
        assert_eq!(some.sql(), "json_array(t.title,t.id,t.b)");
        let mut json = String::new();
        some.render(r#"["a",1,2]"#, &mut json);
        assert_eq!(json, r#"{"title":"a","sum":{"all":"1+2"}}"#);
    }

    #[test]
    fn stored_rows_outlive_their_view() {
        let row = r#"[7,"a",null,1,1,null,null,5,"[]"]"#;
        let stored = format!("{}{row}", column_names(&VIEW));
        assert_eq!(render_stored(&VIEW, stored), rendered(row));
        let older = "[\"t.gone\",\"t.title\",\"t.id\"]\n[1,\"a\",2]";
        assert!(render_stored(&VIEW, older.to_owned()).starts_with(r#"{"id":2,"title":"a","at":null,"#));
        assert_eq!(render_stored(&VIEW, r#"{"id":1}"#.to_owned()), r#"{"id":1}"#);
    }
}
