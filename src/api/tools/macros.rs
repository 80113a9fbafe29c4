//! Macros: writing them. Applying one is in `apply_macro.rs`.

use serde_json::{Value, json};

use crate::api::list::{List, parse_list_query, show_resource};
use crate::app::call::Call;
use crate::app::retry::retry;
use crate::desk::automation::action::MAX_ACTIONS;
use crate::desk::id::Ref;
use crate::desk::person::Role;
use crate::desk::tools::macros::{MAX_MACROS, Macro};
use crate::edge::db::{Batch, Rows, Stmt};
use crate::http::error::Error;
use crate::http::input;
use crate::http::input_values::Patch;
use crate::http::reply::Reply;
use crate::http::shape::{Field, JsonFormat, Kind, Shape};
use crate::store::automation::rules;
use crate::store::commit::CommitReply;
use crate::store::sql::rows::CountRow;
use crate::store::tools::macros::{self as rows, MacroRow, NewMacro};

const NAME: Kind = Kind::Line { min: 1, max: 100 };
static ACTIONS: JsonFormat = JsonFormat {
    schema: "WorkflowActions",
    // The actions are read when what they refer to is known.
    validate: |value| match value.as_array() {
        Some(list) if list.len() <= MAX_ACTIONS => Vec::new(),
        _ => vec![(
            "actions".to_owned(),
            format!("must be a list of at most {MAX_ACTIONS} actions"),
        )],
    },
};
const BODY: Field = Field::nullable(
    "body",
    Kind::Text { min: 1, max: 10_000 },
    "What is said, with placeholders such as `{{ticket.number}}` and `{{requester.first_name}}`.",
);
const INTERNAL: Field = Field::optional("is_internal", Kind::Flag, "It is said in an internal note.");
const ACTIONS_FIELD: Field = Field::optional(
    "actions",
    Kind::Json(&ACTIONS),
    "What is done, as rules do it; `assign` also takes `me`.",
);
const SHARED: Field = Field::optional("shared", Kind::Flag, "For all of the staff; written by managers.");

/// The body of a new macro.
pub const NEW: Shape = Shape {
    name: "NewMacro",
    fields: &[
        Field::required("name", NAME, "What people read."),
        BODY,
        INTERNAL,
        ACTIONS_FIELD,
        SHARED,
    ],
};

/// The body of an update of a macro.
pub const EDIT: Shape = Shape {
    name: "MacroPatch",
    fields: &[
        Field::optional("name", NAME, "What people read."),
        BODY,
        INTERNAL,
        ACTIONS_FIELD,
        SHARED,
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

/// The filter of a list of macros or views.
pub const LIST: Shape = Shape {
    name: "SharedFilter",
    fields: &[Field::optional(
        "shared",
        Kind::Flag,
        "The shared ones, or my own.",
    )],
};

/// The statement that finds the macro in the path.
pub fn find(call: &Call) -> Result<Stmt, Error> {
    Ok(rows::row(call.my_id()?, &call.reference("id")?))
}

/// Whether the caller may write what is shared, or is not.
///
/// # Errors
/// 403.
pub(super) fn authorize_shared(call: &Call, is_shared: bool) -> Result<(), Error> {
    if is_shared && call.my_role()? < Role::Manager {
        return Err(Error::Forbidden(
            "what is shared is written by managers".to_owned(),
        ));
    }
    Ok(())
}

/// `GET /macros`: the shared ones and the caller's own.
pub async fn list(call: &Call<'_>) -> Result<Reply, Error> {
    let (input, page) = parse_list_query(call, &[&LIST])?;
    let (me, shared) = (call.my_id()?, input.flag("shared"));
    List::new(rows::list(me, shared, &page), || rows::count(me, shared))
        .reply(call, &page)
        .await
}

/// `GET /macros/{id}`.
pub async fn show(call: &Call<'_>) -> Result<Reply, Error> {
    show_resource(call, rows::show(call.my_id()?, &call.reference("id")?)).await
}

/// `POST /macros`.
pub async fn create(call: &Call<'_>) -> Result<Reply, Error> {
    let input = input::parse_body(call.request, &NEW)?;
    let shared = input.flag("shared").unwrap_or(false);
    authorize_shared(call, shared)?;
    let actions = input.json("actions").cloned().unwrap_or_else(|| json!([]));
    let mut batch = Batch::new();
    let references = batch.add::<Rows>(rules::references(Some(&actions.to_string())));
    let count = batch.add::<CountRow>(rows::count_all());
    let found = call.read(batch).await?;
    let references = rules::read_references(found.rows(references)?)?;
    let (body, is_internal) = (input.text("body"), input.flag("is_internal").unwrap_or(false));
    Macro::parse(
        (body.as_deref(), is_internal),
        &actions,
        &references,
        call.my_role()?,
    )
    .map_err(Error::Invalid)?;
    if found.first(count)?.is_some_and(|count| count.n >= MAX_MACROS) {
        return Err(Error::conflict(format!("a desk has at most {MAX_MACROS} macros")));
    }
    let new = NewMacro {
        uid: call.uid()?,
        name: input.required("name"),
        body,
        is_internal,
        actions: actions.to_string(),
        shared,
        owner_id: call.my_id()?,
        now: call.now(),
    };
    let view = rows::show(new.owner_id, &Ref::Uid(new.uid.clone()));
    let answer = CommitReply::Created(view, "/api/v1/macros/".to_owned());
    call.commit(rows::insert(&new).into(), answer).await
}

/// `PUT /macros/{id}`.
pub async fn update(call: &Call<'_>) -> Result<Reply, Error> {
    let input = input::parse_body(call.request, &EDIT)?;
    retry!(async {
        let given = input.json("actions").map(Value::to_string);
        let mut batch = Batch::new();
        let row = batch.add::<MacroRow>(find(call)?);
        let reference = call.reference("id")?;
        let references = match &given {
            Some(given) => rules::references(Some(given)),
            None => rows::references(&reference),
        };
        let references = batch.add::<Rows>(references);
        let found = call.read(batch).await?;
        let row = found.require(row)?;
        let shared = input.flag("shared").unwrap_or(row.shared == 1);
        authorize_shared(call, shared || row.shared == 1)?;
        let actions = given.unwrap_or(row.actions);
        let body = match input.patch("body") {
            Patch::Keep => row.body,
            Patch::Clear => None,
            Patch::Set(body) => Some(body),
        };
        let is_internal = input.flag("is_internal").unwrap_or(row.is_internal == 1);
        if ["body", "is_internal", "actions"]
            .iter()
            .any(|part| input.has(part))
        {
            let references = rules::read_references(found.rows(references)?)?;
            let parsed: Value = serde_json::from_str(&actions).unwrap_or_default();
            Macro::parse(
                (body.as_deref(), is_internal),
                &parsed,
                &references,
                call.my_role()?,
            )
            .map_err(Error::Invalid)?;
        }
        call.check_version(row.version, Some(&input))?;
        let new = NewMacro {
            uid: row.uid,
            name: input.text("name").unwrap_or(row.name),
            body,
            is_internal,
            actions,
            shared,
            owner_id: call.my_id()?,
            now: call.now(),
        };
        let view = rows::show(new.owner_id, &Ref::Id(row.id));
        call.commit(
            vec![rows::update(row.id, row.version, &new)],
            CommitReply::Row(view),
        )
        .await
    })
}

/// `DELETE /macros/{id}`.
pub async fn remove(call: &Call<'_>) -> Result<Reply, Error> {
    retry!(async {
        let row: MacroRow = call.read_row(find(call)?).await?;
        authorize_shared(call, row.shared == 1)?;
        call.check_version(row.version, None)?;
        call.commit(rows::delete(row.id, row.version).into(), CommitReply::Nothing)
            .await
    })
}
