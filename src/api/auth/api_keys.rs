//! API keys: making, listing and ending them. How a request with one is recognised is in `server/identify.rs`.

use serde_json::Value;

use crate::api::list::{List, parse_list_query, show_resource};
use crate::app::call::Call;
use crate::app::retry::retry;
use crate::desk::access::api_key::{self, KeyScopes};
use crate::desk::id::Ref;
use crate::desk::person::Role;
use crate::edge::db::Stmt;
use crate::edge::ids;
use crate::http::error::Error;
use crate::http::input;
use crate::http::reply::{Body, Reply};
use crate::http::shape::{Field, JsonFormat, Kind, Shape, choices};
use crate::store::access::api_keys::{self as rows, KeyReader, MAX_KEYS, NewApiKey};
use crate::store::commit::CommitReply;
use crate::store::sql::rows::{CountRow, IdRow};

static SCOPES: JsonFormat = JsonFormat {
    schema: "KeyScopes",
    validate: |value| KeyScopes::parse(value).err().unwrap_or_default(),
};

/// The body of a new key.
pub const NEW: Shape = Shape {
    name: "NewApiKey",
    fields: &[
        Field::required("name", Kind::Line { min: 1, max: 100 }, "What it is for."),
        Field::optional(
            "role",
            Kind::Choice(&choices::ROLE),
            "What it may do at most: not more than your own role, which is the default.",
        ),
        Field::required(
            "scopes",
            Kind::Json(&SCOPES),
            "What it may be used for. None contains another one.",
        ),
        Field::nullable(
            "expires_at",
            Kind::Time,
            "When it ends by itself; never by default.",
        ),
    ],
};

fn reader(call: &Call) -> Result<KeyReader, Error> {
    Ok(KeyReader {
        user_id: call.my_id()?,
        role: call.my_role()?,
    })
}

/// The statement that finds the key in the path.
pub fn find(call: &Call) -> Result<Stmt, Error> {
    Ok(rows::row(reader(call)?, &call.reference("id")?))
}

/// `GET /api-keys`: one's own; for admins everybody's.
pub async fn list(call: &Call<'_>) -> Result<Reply, Error> {
    let (_, page) = parse_list_query(call, &[])?;
    let reader = reader(call)?;
    List::new(rows::list(reader, &page), || rows::count(reader))
        .reply(call, &page)
        .await
}

/// `GET /api-keys/{id}`.
pub async fn show(call: &Call<'_>) -> Result<Reply, Error> {
    show_resource(call, rows::show(reader(call)?, &call.reference("id")?)).await
}

/// `POST /api-keys`. The key is in this reply and nowhere else.
pub async fn create(call: &Call<'_>) -> Result<Reply, Error> {
    let input = input::parse_body(call.request, &NEW)?;
    let (my_id, my_role) = (call.my_id()?, call.my_role()?);
    let role = input.choice("role").and_then(Role::parse).unwrap_or(my_role);
    let expires_at = input.time("expires_at");
    if expires_at.is_some_and(|at| at <= call.now()) {
        return Err(Error::field("expires_at", "must be in the future"));
    }
    let scopes = input.json("scopes").unwrap_or(&Value::Null);
    let scopes = KeyScopes::parse(scopes).map_err(Error::Invalid)?;
    let key = api_key::format(&ids::random_bytes::<32>().map_err(Error::Internal)?);
    let reply = retry!(async {
        let count: CountRow = call.read_row(rows::count_of(my_id)).await?;
        if role > my_role {
            return Err(Error::Forbidden("a key may do no more than you".to_owned()));
        }
        if count.n >= MAX_KEYS {
            return Err(Error::conflict(format!(
                "you have {MAX_KEYS} keys; end one first"
            )));
        }
        let new = NewApiKey {
            uid: call.uid()?,
            user_id: my_id,
            name: input.required("name"),
            hash: ids::hash_token(&key),
            hint: key.chars().skip(key.len().saturating_sub(4)).collect(),
            role,
            owner_role: my_role,
            scopes: scopes.to_json(),
            expires_at,
            now: call.now(),
        };
        let view = rows::show(reader(call)?, &Ref::Uid(new.uid.clone()));
        call.commit(
            rows::insert(&new).into(),
            CommitReply::Created(view, "/api/v1/api-keys/".to_owned()),
        )
        .await
    })?;
    Ok(with_key(reply, &key))
}

/// `DELETE /api-keys/{id}`: ends it at once.
pub async fn remove(call: &Call<'_>) -> Result<Reply, Error> {
    let found: IdRow = call.read_row(find(call)?).await?;
    call.commit(vec![rows::delete(found.id)], CommitReply::Nothing)
        .await
}

/// Puts the key into the reply to the request that made it. The stored reply does not have it.
fn with_key(mut reply: Reply, key: &str) -> Reply {
    if let Body::Text(body) = &mut reply.body {
        *body = body.replacen("\"key\":null", &format!("\"key\":\"{key}\""), 1);
    }
    reply
}
