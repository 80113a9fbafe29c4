//! Users: managing them as an admin, and changing or closing one's own account.

use serde_json::json;

use crate::api::auth::account::{new_user, read_names};
use crate::api::data::personal::erase_account;
use crate::api::list::{List, parse_list_query, resource_reply};
use crate::app::call::Call;
use crate::app::call::waiting::MANY_PLACES;
use crate::app::retry::retry;
use crate::app::taken_names;
use crate::desk::access::audit::AuditAction;
use crate::desk::fold::caseless;
use crate::desk::id::Ref;
use crate::desk::person::Role;
use crate::edge::auth::password;
use crate::edge::db::{Batch, Stmt};
use crate::http::error::Error;
use crate::http::input;
use crate::http::input_values::{Input, Patch};
use crate::http::reply::Reply;
use crate::http::shape::{Field, Kind, Shape, choices};
use crate::store::commit::CommitReply;
use crate::store::mail::{addresses, outbox};
use crate::store::sessions as session_rows;
use crate::store::sql::named_row::Named;
use crate::store::tickets::assignment;
use crate::store::tickets::assignment::pool::Free;
use crate::store::users::list::{self as user_list, UserFilter};
use crate::store::users::{self, Account, NewUser, UserPatch, closing};

const NAME: Kind = Kind::Line { min: 0, max: 100 };

/// The body of a new user.
pub const NEW: Shape = Shape {
    name: "NewUser",
    fields: &[
        Field::required("email", Kind::Email, "The address to log in with."),
        Field::optional(
            "password",
            Kind::Password,
            "Without one, the account is claimed by a password reset.",
        ),
        Field::optional(
            "username",
            Kind::Username,
            "Without one, the local part of the address, made unique.",
        ),
        Field::optional("first_name", NAME, "Given name."),
        Field::optional("last_name", NAME, "Family name."),
        Field::optional(
            "full_name",
            Kind::Line { min: 0, max: 200 },
            "Both at once; splits at the first space.",
        )
        .or(&["name"]),
        Field::optional("role", Kind::Choice(&choices::ROLE), "`customer` by default."),
        Field::nullable(
            "department",
            Kind::Line { min: 1, max: 100 },
            "Where the person works.",
        ),
        Field::nullable("phone", Kind::Line { min: 1, max: 50 }, "Telephone number."),
        Field::nullable("avatar_url", Kind::Url, "A picture."),
    ],
};

/// The body of an update. Only admins may change the role, the active flag and the e-mail address, and only admins
/// may change other people.
pub const EDIT: Shape = Shape {
    name: "UserPatch",
    fields: &[
        Field::optional("email", Kind::Email, "A new address; for admins."),
        Field::optional("username", Kind::Username, "A new username."),
        Field::optional("first_name", NAME, "Given name."),
        Field::optional("last_name", NAME, "Family name."),
        Field::optional(
            "full_name",
            Kind::Line { min: 0, max: 200 },
            "Both at once; splits at the first space.",
        )
        .or(&["name"]),
        Field::optional("role", Kind::Choice(&choices::ROLE), "For admins."),
        Field::optional("is_active", Kind::Flag, "For admins."),
        Field::nullable(
            "department",
            Kind::Line { min: 1, max: 100 },
            "Where the person works.",
        ),
        Field::nullable("phone", Kind::Line { min: 1, max: 50 }, "Telephone number."),
        Field::nullable("avatar_url", Kind::Url, "A picture."),
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

/// The body of a request to close one's own account.
pub const CLOSE: Shape = Shape {
    name: "CloseAccount",
    fields: &[
        Field::optional(
            "password",
            Kind::Secret,
            "The password, where the front end asks for it once more.",
        ),
        Field::optional(
            "confirm",
            Kind::Opaque,
            "To erase it: the address of the account.",
        ),
    ],
};

/// The query of a request to close one's own account.
pub const CLOSING: Shape = Shape {
    name: "ClosingOptions",
    fields: &[Field::optional(
        "erase",
        Kind::Flag,
        "true: erase all that is kept of the person, as an admin may; wants `confirm`.",
    )],
};

/// The filters of the list of users.
pub const LIST: Shape = Shape {
    name: "UserFilter",
    fields: &[
        Field::optional("role", Kind::Choice(&choices::ROLE), "Of this role."),
        Field::optional("is_active", Kind::Flag, "Active or not.").or(&["active"]),
        Field::optional(
            "q",
            Kind::Search,
            "Each word is part of name, username or address.",
        )
        .or(&["search", "keyword"]),
    ],
};

/// The statement that finds the user in the path.
pub fn find(call: &Call) -> Result<Stmt, Error> {
    Ok(users::account(&call.reference("id")?))
}

/// `GET /users`.
pub async fn list(call: &Call<'_>) -> Result<Reply, Error> {
    list_page(call, &users::user_json()).await
}

/// `GET /users/summary`: all users with few fields, for staff who choose a person from a list.
pub async fn summary(call: &Call<'_>) -> Result<Reply, Error> {
    list_page(call, &users::SUMMARY.sql()).await
}

/// The filter of a list, from its query.
pub(super) fn read_filter(input: &Input) -> UserFilter {
    UserFilter {
        role: input.choice("role"),
        is_active: input.flag("is_active"),
        q: input.text("q"),
    }
}

async fn list_page(call: &Call<'_>, view: &str) -> Result<Reply, Error> {
    let (input, page) = parse_list_query(call, &[&LIST])?;
    let filter = read_filter(&input);
    let (rows, stopped) = user_list::list(view, &filter, &page);
    List::new(rows, || user_list::count(&filter))
        .stopped(stopped)
        .reply(call, &page)
        .await
}

/// `POST /users`.
pub async fn create(call: &Call<'_>) -> Result<Reply, Error> {
    let input = input::parse_body(call.request, &NEW)?;
    call.authorize().await?;
    let hash = match input.text("password") {
        Some(text) => Some(password::hash(&text, &call.app.config.pepper).map_err(Error::Internal)?),
        None => None,
    };
    let role = input
        .choice("role")
        .and_then(Role::parse)
        .unwrap_or(Role::Customer);
    let user = NewUser {
        avatar_url: input.text("avatar_url"),
        ..new_user(call, &input, role, hash)?
    };
    let mut stmts = users::insert(&user);
    stmts.extend(outbox::invite(&user.uid, call.now()));
    let answer = CommitReply::Created(users::show_uid(&user.uid), "/api/v1/users/".to_owned());
    let key = caseless(&user.email);
    taken_names::commit(call, stmts, answer, (Named::User, Some(&key))).await
}

/// `GET /users/{id}`: staff can read everybody, customers only themselves.
pub async fn show(call: &Call<'_>) -> Result<Reply, Error> {
    let reference = call.reference("id")?;
    let mut batch = Batch::new();
    let resource = batch.add(users::show(&reference));
    let account = batch.add::<Account>(users::account(&reference));
    let found = call.read(batch).await?;
    let account = found.require(account)?;
    if account.id != call.my_id()? && !call.my_role()?.is_staff() {
        return Err(Error::NotFound);
    }
    resource_reply(call, &found, resource)
}

/// `PUT /users/me`.
pub async fn update_me(call: &Call<'_>) -> Result<Reply, Error> {
    let input = input::parse_body(call.request, &EDIT)?;
    let me = Ref::Id(call.my_id()?);
    retry!(try_update(call, &me, &input))
}

/// `PUT /users/{id}`.
pub async fn update(call: &Call<'_>) -> Result<Reply, Error> {
    let input = input::parse_body(call.request, &EDIT)?;
    let reference = call.reference("id")?;
    retry!(try_update(call, &reference, &input))
}

async fn try_update(call: &Call<'_>, reference: &Ref, input: &Input) -> Result<Reply, Error> {
    let account: Account = call.read_row(users::account(reference)).await?;
    let is_admin = call.my_role()? == Role::Admin;
    if account.id != call.my_id()? && !is_admin {
        let staff = call.my_role()?.is_staff();
        return Err(if staff {
            Error::Forbidden("only admins may change other people".to_owned())
        } else {
            Error::NotFound
        });
    }
    let role = input
        .choice("role")
        .and_then(Role::parse)
        .filter(|role| role.as_str() != account.role);
    let is_active = input
        .flag("is_active")
        .filter(|active| i64::from(*active) != account.is_active);
    let email = input
        .text("email")
        .filter(|email| account.email_key != caseless(email) || is_admin);
    if !is_admin && (role.is_some() || is_active.is_some() || email.is_some()) {
        return Err(Error::Forbidden(
            "role, active flag and address are changed by admins".to_owned(),
        ));
    }
    call.check_version(account.version, Some(input))?;
    let (first_name, last_name) = read_names(input);
    let cleared = |name| match input.patch(name) {
        Patch::Keep => None,
        Patch::Clear => Some(None),
        Patch::Set(text) => Some(Some(text)),
    };
    let update = UserPatch {
        email,
        username: input.text("username"),
        first_name,
        last_name,
        role,
        is_active,
        department: cleared("department"),
        phone: cleared("phone"),
        avatar_url: cleared("avatar_url"),
        password_hash: None,
    };
    let mut stmts = outbox::request_changed_verification(account.id, &update, call.now());
    stmts.extend(users::update(account.id, account.version, &update, call.now()));
    if role.is_some() || is_active == Some(false) {
        stmts.push(session_rows::revoke_all(account.id, call.now()));
    }
    if role == Some(Role::Customer) || is_active == Some(false) {
        stmts.extend(assignment::unassign_all(account.id, call.my_id()?, call.now()));
    }
    let reply = CommitReply::Row(users::show(&Ref::Id(account.id)));
    let reply = call.commit(stmts, reply).await?;
    if role.is_some() || is_active.is_some() {
        let free = if is_active == Some(true) {
            Free::Agent(Ref::Id(account.id))
        } else {
            Free::Anybody
        };
        call.assign_waiting(free, MANY_PLACES).await;
    }
    Ok(reply)
}

/// `DELETE /users/{id}`: deactivates the account. No data is deleted.
pub async fn deactivate(call: &Call<'_>) -> Result<Reply, Error> {
    let reference = call.reference("id")?;
    retry!(async {
        let account: Account = call.read_row(users::account(&reference)).await?;
        call.check_version(account.version, None)?;
        let update = UserPatch {
            is_active: Some(false),
            ..UserPatch::default()
        };
        let mut stmts = users::update(account.id, account.version, &update, call.now());
        stmts.push(session_rows::revoke_all(account.id, call.now()));
        stmts.extend(assignment::unassign_all(account.id, call.my_id()?, call.now()));
        let reply = call.commit(stmts, CommitReply::Nothing).await?;
        call.assign_waiting(Free::Anybody, MANY_PLACES).await;
        Ok(reply)
    })
}

/// `DELETE /users/me`: removes the personal data of the caller. What they wrote stays, under a neutral name.
pub async fn close_me(call: &Call<'_>) -> Result<Reply, Error> {
    let input = input::parse_optional_body(call.request, &CLOSE)?;
    let erases = input::parse_query(call.request, &[&CLOSING])?
        .flag("erase")
        .unwrap_or(false);
    let me = Ref::Id(call.my_id()?);
    retry!(async {
        let account: Account = call.read_row(users::account(&me)).await?;
        if let Some(text) = input.text("password") {
            let right = password::verify(&text, account.password_hash.as_deref(), &call.app.config.pepper);
            if !right.map_err(Error::Internal)? {
                return Err(Error::field("password", "is wrong"));
            }
        }
        if erases {
            let confirm = input
                .text("confirm")
                .ok_or_else(|| Error::field("confirm", "is missing"))?;
            let entry = call.audit(AuditAction::UserErased, Some(account.id), json!({}));
            return erase_account(call, &account, &confirm, (vec![entry], CommitReply::Nothing)).await;
        }
        let mut stmts = addresses::forget(account.id).to_vec();
        stmts.extend(closing::close(account.id, account.version, call.now()));
        stmts.push(session_rows::revoke_all(account.id, call.now()));
        stmts.extend(assignment::unassign_all(account.id, account.id, call.now()));
        let reply = call.commit(stmts, CommitReply::Nothing).await?;
        call.assign_waiting(Free::Anybody, MANY_PLACES).await;
        Ok(reply)
    })
}
