//! Custom fields. Every isolate reads them with the workflow rules, whose version every change of a field raises.

use serde_json::Value;

use crate::desk::id::Ref;
use crate::desk::tools::custom_field::{CustomField, MAX_FIELDS, RequiredOn, ValueType};
use crate::edge::db::Stmt;
use crate::http::page::{Page, PageStart};
use crate::http::shape::Choices;
use crate::store::settings;
use crate::store::sql::reference::ref_column;
use crate::store::sql::view::{Out, View, field, nullable};

/// The types of values.
pub static TYPE: Choices = Choices {
    list: &ValueType::WORDS,
    parse: |word| ValueType::WORDS.into_iter().find(|known| *known == word),
};
/// When a value is required.
pub static REQUIRED_ON: Choices = Choices {
    list: &RequiredOn::WORDS,
    parse: |word| RequiredOn::WORDS.into_iter().find(|known| *known == word),
};
/// Who sees a field.
pub static VISIBLE_TO: Choices = Choices {
    list: &["staff", "all"],
    parse: |word| VISIBLE_TO.list.iter().copied().find(|known| *known == word),
};

/// A custom field, as the API returns it.
pub const CUSTOM_FIELD: View = View {
    name: "CustomField",
    fields: &[
        field("id", "f.id", Out::Int),
        field("uid", "f.uid", Out::Text),
        field("key", "f.key", Out::Text)
            .doc("Its name in `custom_fields`, rules (`custom.<key>`) and filters."),
        field("name", "f.name", Out::Text).doc("What people read."),
        field("type", "f.type", Out::Word(&TYPE)),
        field("options", "f.options", Out::Json("CustomFieldOptions")).doc("Of `select` and `multi_select`."),
        nullable(
            "project",
            "(SELECT key FROM projects WHERE id=f.project_id)",
            Out::Text,
        )
        .doc("Only tickets of this project have it."),
        field("required_on", "f.required_on", Out::Word(&REQUIRED_ON)),
        field("visible_to", "f.visible_to", Out::Word(&VISIBLE_TO)),
        field("position", "f.position", Out::Int),
        field("is_active", "f.is_active", Out::Flag)
            .doc("False: it is hidden; its past stays in the history."),
        field("version", "f.version", Out::Int),
        field("created_at", "f.created_at", Out::Time),
        field("updated_at", "f.updated_at", Out::Time),
    ],
};

/// Which fields a reader sees: SQL condition on `f`. Customers see those that are for all and not hidden, of projects that
/// they see.
fn visible(is_staff: bool) -> &'static str {
    if is_staff {
        "1"
    } else {
        "f.is_active = 1 AND f.visible_to = 'all' AND (f.project_id IS NULL \
         OR EXISTS (SELECT 1 FROM projects p WHERE p.id = f.project_id AND p.status = 'active'))"
    }
}

/// A page of fields, by position: rows `j`, `id` and `s`. Hidden ones only where `is_active` asks for them.
pub fn list(is_staff: bool, is_active: Option<bool>, page: &Page) -> Stmt {
    let (position, id) = match page.start {
        PageStart::After { value, id } => (value, id),
        _ => (-1, 0),
    };
    Stmt::new(format!(
        "SELECT {} AS j, f.id AS id, f.position AS s FROM custom_fields f \
         WHERE (f.position, f.id) > (?1, ?2) AND (?3 IS NULL OR f.is_active = ?3) AND {} \
         ORDER BY f.position, f.id LIMIT ?4 OFFSET ?5",
        CUSTOM_FIELD.sql(),
        visible(is_staff)
    ))
    .bind(position)
    .bind(id)
    .bind(is_active)
    .bind(page.limit.saturating_add(1))
    .bind(page.offset())
}

/// How many fields [`list`] has: `n`.
pub fn count(is_staff: bool, is_active: Option<bool>) -> Stmt {
    Stmt::new(format!(
        "SELECT count(*) AS n FROM custom_fields f WHERE (?1 IS NULL OR f.is_active = ?1) AND {}",
        visible(is_staff)
    ))
    .bind(is_active)
}

/// Selects `j`, `v` (the version) and `id` of a field that the reader sees.
pub fn show(is_staff: bool, reference: &Ref) -> Stmt {
    let (column, arg) = ref_column(reference);
    Stmt::new(format!(
        "SELECT {} AS j, f.version AS v, f.id AS id FROM custom_fields f WHERE f.{column} = ?1 AND {}",
        CUSTOM_FIELD.sql(),
        visible(is_staff)
    ))
    .bind(arg)
}

/// What a change of a field depends on.
#[derive(Clone, Debug, serde::Deserialize)]
pub struct FieldRow {
    pub id: i64,
    pub key: String,
    pub r#type: String,
    pub options: String,
    pub project_id: Option<i64>,
    pub visible_to: String,
    pub is_active: i64,
    pub version: i64,
    /// A ticket has a value of it.
    pub is_used: i64,
}

/// SQL condition: a ticket has a value of the field `f`; every value has a facet.
const IS_USED: &str = "EXISTS (SELECT 1 FROM ticket_facets WHERE facet >= 'c:' || f.key || ':' AND facet < 'c:' || f.key || ';')";

/// Selects the [`FieldRow`] of a field, for those who may change it.
pub fn row(reference: &Ref) -> Stmt {
    let (column, arg) = ref_column(reference);
    Stmt::new(format!(
        "SELECT f.id, f.key, f.type, f.options, f.project_id, f.visible_to, f.is_active, f.version, {IS_USED} AS is_used \
         FROM custom_fields f WHERE f.{column} = ?1"
    ))
    .bind(arg)
}

/// A new field.
#[derive(Clone, Debug)]
pub struct NewField {
    pub uid: String,
    pub key: String,
    pub name: String,
    pub value_type: &'static str,
    pub options: String,
    pub project_id: Option<i64>,
    pub required_on: &'static str,
    pub visible_to: &'static str,
    pub position: Option<i64>,
    pub now: i64,
}

/// Inserts a field, unless the desk has as many as it may.
pub fn insert(new: &NewField) -> [Stmt; 3] {
    [
        Stmt::new("INSERT INTO guard (ok) SELECT 0 WHERE (SELECT count(*) FROM custom_fields) >= ?1")
            .bind(MAX_FIELDS),
        Stmt::new(
            "INSERT INTO custom_fields (uid, key, name, type, options, project_id, required_on, visible_to, position, created_at, updated_at) \
             SELECT ?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, coalesce(?9, (SELECT max(position) + 1 FROM custom_fields), 1), ?10, ?10",
        )
        .bind(&new.uid)
        .bind(&new.key)
        .bind(&new.name)
        .bind(new.value_type)
        .bind(&new.options)
        .bind(new.project_id)
        .bind(new.required_on)
        .bind(new.visible_to)
        .bind(new.position)
        .bind(new.now),
        settings::raise_rules_version(),
    ]
}

/// How many fields there are: `n`.
pub fn count_all() -> Stmt {
    Stmt::new("SELECT count(*) AS n FROM custom_fields")
}

/// What is changed about a field.
#[derive(Clone, Debug, Default)]
pub struct FieldPatch {
    pub name: Option<String>,
    pub options: Option<String>,
    pub required_on: Option<&'static str>,
    pub visible_to: Option<&'static str>,
    pub position: Option<i64>,
    pub is_active: Option<bool>,
}

/// Changes a field that is at this version. What customers see is hidden from them only while no ticket has a value.
pub fn update(id: i64, version: i64, patch: &FieldPatch, now: i64) -> Vec<Stmt> {
    let unused = (patch.visible_to == Some("staff")).then(|| {
        Stmt::new(format!(
            "INSERT INTO guard (ok) SELECT 0 FROM custom_fields f WHERE f.id = ?1 AND f.visible_to = 'all' AND {IS_USED}"
        ))
        .bind(id)
    });
    let change = Stmt::new(
        "UPDATE custom_fields SET version = ?2 + 1, name = coalesce(?3, name), options = coalesce(?4, options), \
           required_on = coalesce(?5, required_on), visible_to = coalesce(?6, visible_to), position = coalesce(?7, position), \
           is_active = coalesce(?8, is_active), updated_at = ?9 WHERE id = ?1",
    )
    .bind(id)
    .bind(version)
    .bind(patch.name.clone())
    .bind(patch.options.clone())
    .bind(patch.required_on)
    .bind(patch.visible_to)
    .bind(patch.position)
    .bind(patch.is_active)
    .bind(now);
    unused
        .into_iter()
        .chain([change, settings::raise_rules_version()])
        .collect()
}

/// A field as it is read with the rules: `definition` is a list of type, options, project and when it is required. `None`
/// if a later version has written what this one does not know.
pub fn read_definition(key: String, is_public: bool, definition: &Value) -> Option<CustomField> {
    let text = |at: usize| definition.get(at).and_then(Value::as_str).unwrap_or_default();
    let options = definition.get(1).and_then(Value::as_array).into_iter().flatten();
    Some(CustomField {
        key,
        value_type: ValueType::parse(text(0))?,
        options: options.filter_map(Value::as_str).map(str::to_owned).collect(),
        project_id: definition.get(2).and_then(Value::as_i64),
        required_on: RequiredOn::parse(text(3))?,
        is_public,
    })
}
