//! Custom fields: what a desk wants to know of its tickets beyond what every ticket has.

use serde_json::{Value, json};

use crate::api::list::{List, parse_list_query, show_resource};
use crate::app::call::Call;
use crate::app::retry::retry;
use crate::app::taken_names;
use crate::desk::id::Ref;
use crate::desk::project;
use crate::desk::tools::custom_field::{MAX_FIELDS, ValueType, is_key, parse_options};
use crate::edge::db::{Batch, Stmt};
use crate::http::error::Error;
use crate::http::input;
use crate::http::input_values::Input;
use crate::http::reply::Reply;
use crate::http::shape::{Field, JsonFormat, Kind, Shape};
use crate::store::commit::CommitReply;
use crate::store::projects;
use crate::store::sql::named_row::Named;
use crate::store::sql::rows::{CountRow, IdRow};
use crate::store::tools::custom_fields::{
    self as rows, FieldPatch, FieldRow, NewField, REQUIRED_ON, TYPE, VISIBLE_TO,
};

const NAME: Kind = Kind::Line { min: 1, max: 100 };
const KEY: Kind = Kind::Line { min: 1, max: 40 };
static OPTIONS: JsonFormat = JsonFormat {
    schema: "CustomFieldOptions",
    validate: |value| match parse_options(value) {
        Ok(_) => Vec::new(),
        Err(message) => vec![("options".to_owned(), message)],
    },
};
const OPTIONS_FIELD: Field = Field::optional(
    "options",
    Kind::Json(&OPTIONS),
    "Of `select` and `multi_select`: 1 to 100 texts. Tickets keep the values of options that are gone.",
);
const REQUIRED: Field = Field::optional(
    "required_on",
    Kind::Choice(&REQUIRED_ON),
    "When a ticket must have a value: `create` when it is opened by a request, `resolve` when staff resolve or close it.",
);
const VISIBLE: Field = Field::optional(
    "visible_to",
    Kind::Choice(&VISIBLE_TO),
    "`staff` by default. What customers have seen becomes a field for staff only while no ticket has a value.",
);
const POSITION: Field = Field::optional(
    "position",
    Kind::Integer {
        min: 0,
        max: 1_000_000,
    },
    "Its place in the list; last by default.",
);

/// The body of a new custom field.
pub const NEW: Shape = Shape {
    name: "NewCustomField",
    fields: &[
        Field::required(
            "key",
            KEY,
            "1 to 40 lower-case letters, digits and `_`, a letter first. Never changes.",
        ),
        Field::required("name", NAME, "What people read."),
        Field::required("type", Kind::Choice(&TYPE), "Never changes."),
        OPTIONS_FIELD,
        Field::nullable(
            "project",
            Kind::Slug,
            "Only tickets of this project have it: by key or id. Never changes.",
        )
        .or(&["project_id"]),
        REQUIRED,
        VISIBLE,
        POSITION,
    ],
};

/// The body of an update of a custom field.
pub const EDIT: Shape = Shape {
    name: "CustomFieldPatch",
    fields: &[
        Field::optional("key", KEY, "As it is: a key never changes."),
        Field::optional("name", NAME, "What people read."),
        Field::optional("type", Kind::Choice(&TYPE), "As it is: a type never changes."),
        OPTIONS_FIELD,
        REQUIRED,
        VISIBLE,
        POSITION,
        Field::optional("is_active", Kind::Flag, "false hides it, true brings it back.").or(&["active"]),
        Field::optional(
            "version",
            Kind::Integer {
                min: 1,
                max: i64::MAX,
            },
            "The version that the change was made on.",
        ),
    ],
};

/// The filters of the list of custom fields.
pub const LIST: Shape = Shape {
    name: "CustomFieldFilter",
    fields: &[
        Field::optional("is_active", Kind::Flag, "false: the hidden ones; for staff.").or(&["active"]),
        Field::optional("include_archived", Kind::Flag, "Hidden ones too; for staff."),
    ],
};

/// The statement that finds the field in the path, for those who may change it.
pub fn find(call: &Call) -> Result<Stmt, Error> {
    Ok(rows::row(&call.reference("id")?))
}

/// `GET /custom-fields`, by position.
pub async fn list(call: &Call<'_>) -> Result<Reply, Error> {
    let (input, page) = parse_list_query(call, &[&LIST])?;
    let is_staff = call.my_role()?.is_staff();
    let is_active = match input.flag("is_active") {
        None if input.flag("include_archived") == Some(true) => None,
        given => given.or(Some(true)),
    };
    List::new(rows::list(is_staff, is_active, &page), || {
        rows::count(is_staff, is_active)
    })
    .reply(call, &page)
    .await
}

/// `GET /custom-fields/{id}`.
pub async fn show(call: &Call<'_>) -> Result<Reply, Error> {
    let is_staff = call.my_role()?.is_staff();
    show_resource(call, rows::show(is_staff, &call.reference("id")?)).await
}

/// The options of a field of this type, as JSON.
fn options_for(value_type: ValueType, given: Option<&Value>) -> Result<String, Error> {
    match given {
        None if value_type.has_options() => Err(Error::field("options", "is missing")),
        Some(_) if !value_type.has_options() => {
            Err(Error::field("options", "belongs to select and multi_select"))
        }
        Some(given) => {
            let options = parse_options(given).map_err(|message| Error::field("options", message))?;
            Ok(json!(options).to_string())
        }
        None => Ok("[]".to_owned()),
    }
}

/// `POST /custom-fields`.
pub async fn create(call: &Call<'_>) -> Result<Reply, Error> {
    let input = input::parse_body(call.request, &NEW)?;
    let key = input.required("key");
    if !is_key(&key) {
        let message = "must be 1 to 40 lower-case letters, digits and underscores, a letter first";
        return Err(Error::field("key", message));
    }
    let value_type = input.choice("type").unwrap_or("text");
    let parsed = ValueType::parse(value_type).unwrap_or(ValueType::Text);
    let options = options_for(parsed, input.json("options"))?;
    let mut batch = Batch::new();
    let named = project_in(&input)?;
    let project = batch.add_optional::<IdRow>(named.as_ref().map(projects::find_active));
    let count = batch.add::<CountRow>(rows::count_all());
    let found = call.read(batch).await?;
    let project = found.first_if(project)?.map(|row| row.id);
    if named.is_some() && project.is_none() {
        return Err(Error::field("project", "is no active project"));
    }
    if found.first(count)?.is_some_and(|count| count.n >= MAX_FIELDS) {
        return Err(Error::conflict(format!(
            "a desk has at most {MAX_FIELDS} custom fields, hidden ones included"
        )));
    }
    let new = NewField {
        uid: call.uid()?,
        key: key.clone(),
        name: input.required("name"),
        value_type,
        options,
        project_id: project,
        required_on: input.choice("required_on").unwrap_or("none"),
        visible_to: input.choice("visible_to").unwrap_or("staff"),
        position: input.integer("position"),
        now: call.now(),
    };
    let view = rows::show(true, &Ref::Uid(new.uid.clone()));
    let answer = CommitReply::Created(view, "/api/v1/custom-fields/".to_owned());
    let named = (Named::CustomField, Some(key.as_str()));
    taken_names::commit(call, rows::insert(&new).into(), answer, named).await
}

fn project_in(input: &Input) -> Result<Option<Ref>, Error> {
    match (input.reference("project"), input.text("project")) {
        (Some(reference), _) => Ok(Some(reference.clone())),
        (None, Some(key)) => {
            let named = project::parse_ref(&key).filter(|named| matches!(named, Ref::Key(_)));
            named
                .map(Some)
                .ok_or_else(|| Error::field("project", "is no active project"))
        }
        (None, None) => Ok(None),
    }
}

/// `PUT /custom-fields/{id}`.
pub async fn update(call: &Call<'_>) -> Result<Reply, Error> {
    let input = input::parse_body(call.request, &EDIT)?;
    retry!(async {
        let row: FieldRow = call.read_row(find(call)?).await?;
        for (part, given, is) in [
            ("key", input.text("key"), &row.key),
            ("type", input.choice("type").map(str::to_owned), &row.r#type),
        ] {
            if given.is_some_and(|given| given != *is) {
                let message = "cannot change: tickets have values of it; make another field";
                return Err(Error::field(part, message));
            }
        }
        let parsed = ValueType::parse(&row.r#type).unwrap_or(ValueType::Text);
        let given = input.json("options");
        let patch = FieldPatch {
            name: input.text("name"),
            options: given.map(|given| options_for(parsed, Some(given))).transpose()?,
            required_on: input.choice("required_on"),
            visible_to: input.choice("visible_to"),
            position: input.integer("position"),
            is_active: input.flag("is_active"),
        };
        call.check_version(row.version, Some(&input))?;
        if patch.visible_to == Some("staff") && row.visible_to == "all" && row.is_used == 1 {
            return Err(Error::conflict(
                "customers have seen its values; hide it, and make another field for staff",
            ));
        }
        let stmts = rows::update(row.id, row.version, &patch, call.now());
        call.commit(stmts, CommitReply::Row(rows::show(true, &Ref::Id(row.id))))
            .await
    })
}

/// `DELETE /custom-fields/{id}`: hides it. Tickets keep their values, and `is_active` brings them back.
pub async fn remove(call: &Call<'_>) -> Result<Reply, Error> {
    retry!(async {
        let row: FieldRow = call.read_row(find(call)?).await?;
        call.check_version(row.version, None)?;
        let hidden = FieldPatch {
            is_active: Some(false),
            ..FieldPatch::default()
        };
        let stmts = if row.is_active == 1 {
            rows::update(row.id, row.version, &hidden, call.now())
        } else {
            Vec::new()
        };
        call.commit(stmts, CommitReply::Nothing).await
    })
}
