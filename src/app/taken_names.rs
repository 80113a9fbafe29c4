//! Names that are taken: by an archived row, which the caller may bring back, or by one that is called otherwise.

use serde_json::{Value, json};

use crate::app::call::Call;
use crate::desk::fold::fold_name;
use crate::http::error::Error;
use crate::http::reply::Reply;
use crate::store::sql::named_row::{HolderRow, Named};

/// The row that has the name because of which a change was refused; none if it was done, or refused for something else.
async fn find_holder(
    call: &Call<'_>,
    outcome: &Result<Reply, Error>,
    named: Named,
    name: &str,
) -> Result<Option<HolderRow>, Error> {
    match outcome {
        Err(Error::Conflict { details, .. }) if details["field"] == named.field() => {
            Ok(call.app.db.first(named.find_holder(name)).await?)
        }
        _ => Ok(None),
    }
}

/// Whether a slug that was made of a name is taken by a row that is called otherwise, as `C` and `C++` are: then another
/// slug is made.
///
/// # Errors
/// When the database fails.
pub async fn is_taken_by_another(
    call: &Call<'_>,
    outcome: &Result<Reply, Error>,
    named: Named,
    (slug, name): (&str, &str),
) -> Result<bool, Error> {
    let holder = find_holder(call, outcome, named, slug).await?;
    Ok(holder.is_some_and(|holder| {
        let is_elsewhere = matches!(named, Named::Subcategory(id) if holder.parent != Some(id));
        is_elsewhere || fold_name(&holder.name) != fold_name(name)
    }))
}

/// Says of a name that an archived row has which one that is, and how it is brought back.
///
/// # Errors
/// The outcome's, or when the database fails.
pub async fn explain(
    call: &Call<'_>,
    outcome: Result<Reply, Error>,
    named: Named,
    name: Option<&str>,
) -> Result<Reply, Error> {
    let Some(name) = name else { return outcome };
    match find_holder(call, &outcome, named, name).await? {
        Some(holder) if holder.is_archived == 1 => Err(archived(named, &holder)),
        _ => outcome,
    }
}

fn archived(named: Named, holder: &HolderRow) -> Error {
    let HolderRow { id, name, parent, .. } = holder;
    let parent = parent.unwrap_or_default();
    let (noun, path, body): (&str, String, Value) = match named {
        Named::Category => (
            "archived category",
            format!("/categories/{id}"),
            json!({"is_active": true}),
        ),
        Named::Subcategory(_) => (
            "archived subcategory",
            format!("/categories/{parent}/subcategories/{id}"),
            json!({"is_active": true}),
        ),
        Named::Project => (
            "archived project",
            format!("/projects/{id}"),
            json!({"status": "active"}),
        ),
        Named::Article => (
            "archived article",
            format!("/articles/{id}"),
            json!({"status": "draft"}),
        ),
        Named::User => (
            "account that is switched off",
            format!("/users/{id}"),
            json!({"is_active": true}),
        ),
    };
    let (field, path) = (named.field(), format!("/api/v1{path}"));
    Error::Conflict {
        message: format!("an {noun}, \"{name}\", has this {field}; PUT {path} with {body} brings it back"),
        details: json!({
            "field": field,
            "archived": {"id": id, "name": name},
            "revive": {"method": "PUT", "path": path, "body": body},
        }),
    }
}
