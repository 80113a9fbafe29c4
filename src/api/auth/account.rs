//! The caller's own account: registering, reading it, changing and resetting the password.

use serde_json::json;

use crate::api::auth::refresh_cookie;
use crate::api::auth::sessions::{Guess, begin_session, sign_in_reply};
use crate::api::list::show_resource;
use crate::app::call::Call;
use crate::desk::access::audit::AuditAction;
use crate::desk::id::Ref;
use crate::desk::person::{Role, split_name};
use crate::edge::auth::password;
use crate::edge::db::Batch;
use crate::edge::ids;
use crate::http::error::Error;
use crate::http::input;
use crate::http::input_values::Input;
use crate::http::reply::Reply;
use crate::http::shape::{Field, Kind, Shape, choices};
use crate::store::access::audit::AuditTarget;
use crate::store::mail::outbox;
use crate::store::sessions as rows;
use crate::store::sql::rows::IdRow;
use crate::store::users::{self, Account, NewUser, UserPatch};

const NAME: Kind = Kind::Line { min: 0, max: 100 };

/// The body of a registration.
pub const REGISTER: Shape = Shape {
    name: "Register",
    fields: &[
        Field::required("email", Kind::Email, "The address to log in with."),
        Field::required(
            "password",
            Kind::Password,
            "8 to 128 characters, at most 512 bytes; taken exactly as it is.",
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
        Field::nullable(
            "department",
            Kind::Line { min: 1, max: 100 },
            "Where the person works.",
        ),
        Field::nullable("phone", Kind::Line { min: 1, max: 50 }, "Telephone number."),
        Field::optional(
            "role",
            Kind::Choice(&choices::ROLE),
            "Only `customer` (or `user`): staff is made by admins.",
        ),
    ],
};

/// The body of a change of the password.
pub const CHANGE_PASSWORD: Shape = Shape {
    name: "ChangePassword",
    fields: &[
        Field::required("current_password", Kind::Secret, "The password so far.").or(&["old_password"]),
        Field::required("new_password", Kind::Password, "The new one.").or(&["password"]),
    ],
};

/// The body of a reset of the password.
pub const RESET_PASSWORD: Shape = Shape {
    name: "ResetPassword",
    fields: &[
        Field::required("token", Kind::Secret, "The one-time token."),
        Field::required("password", Kind::Password, "The new password.").or(&["new_password"]),
    ],
};

/// The first and last name in the input. Where one is missing, it comes from `full_name`, if that was given.
pub fn read_names(input: &Input) -> (Option<String>, Option<String>) {
    let (mut first, mut last) = (input.text("first_name"), input.text("last_name"));
    if let Some(full) = input.text("full_name") {
        let (given, family) = split_name(&full);
        first = first.or(Some(given));
        last = last.or(Some(family));
    }
    (first, last)
}

/// A new user, made from the fields that the bodies of all new users have in common. `hash` is the password's.
pub fn new_user(call: &Call<'_>, input: &Input, role: Role, hash: Option<String>) -> Result<NewUser, Error> {
    let (first, last) = read_names(input);
    Ok(NewUser {
        uid: call.uid()?,
        email: input.required("email"),
        username: input.text("username"),
        first_name: first.unwrap_or_default(),
        last_name: last.unwrap_or_default(),
        role,
        department: input.text("department"),
        phone: input.text("phone"),
        avatar_url: None,
        password_hash: hash,
        email_trusted: call.claims.is_some(),
        logs_in: false,
        now: call.now(),
    })
}

/// `POST /auth/register`.
pub async fn register(call: &Call<'_>) -> Result<Reply, Error> {
    let input = input::parse_body(call.request, &REGISTER)?;
    if input
        .choice("role")
        .is_some_and(|role| role != Role::Customer.as_str())
    {
        return Err(Error::Forbidden("staff accounts are made by admins".to_owned()));
    }
    call.check_rate_limit().await?;
    let hash =
        password::hash(&input.required("password"), &call.app.config.pepper).map_err(Error::Internal)?;
    let user = NewUser {
        logs_in: true,
        ..new_user(call, &input, Role::Customer, Some(hash))?
    };
    let mut stmts = users::insert(&user);
    stmts.extend(outbox::request_first_verification(&user.uid, user.now));
    let opened = begin_session(call, stmts, &Ref::Uid(user.uid.clone())).await?;
    let id = opened.user_id;
    let in_cookie = refresh_cookie::is_wanted(call.request);
    let mut reply = sign_in_reply(call, opened, (id, Role::Customer, 1), (201, in_cookie)).await?;
    reply.header("Location", format!("/api/v1/users/{id}"));
    Ok(reply)
}

/// `GET /auth/me`, `GET /users/me`.
pub async fn me(call: &Call<'_>) -> Result<Reply, Error> {
    show_resource(call, users::show(&Ref::Id(call.my_id()?))).await
}

/// `PUT /auth/change-password`: ends all sessions of the caller and replies with a new one.
pub async fn change_password(call: &Call<'_>) -> Result<Reply, Error> {
    let input = input::parse_body(call.request, &CHANGE_PASSWORD)?;
    let id = call.my_id()?;
    let now = call.now();
    let guess = Guess::new(call, &format!("password\n{id}"));
    let mut batch = Batch::new();
    let account = batch.add::<Account>(users::account(&Ref::Id(id)));
    let attempts = guess.record(&mut batch, now);
    let found = call.read(batch).await?;
    guess.require_attempts_left(call, &found, attempts, None).await?;
    let account = found.require(account)?;
    let pepper = &call.app.config.pepper;
    let right = password::verify(
        &input.required("current_password"),
        account.password_hash.as_deref(),
        pepper,
    );
    if !right.map_err(Error::Internal)? {
        guess.record_failure(call, None).await?;
        return Err(Error::field("current_password", "is wrong"));
    }
    let hash = password::hash(&input.required("new_password"), pepper).map_err(Error::Internal)?;
    let update = UserPatch {
        password_hash: Some(hash),
        ..UserPatch::default()
    };
    let mut stmts = users::update(id, account.version, &update, now);
    stmts.extend([
        rows::revoke_all(id, now),
        rows::clear_attempts(&guess.account),
        call.audit(AuditAction::PasswordChanged, Some(id), json!({})),
    ]);
    let opened = begin_session(call, stmts, &Ref::Id(id)).await?;
    let bearer = (id, call.my_role()?, account.ver.saturating_add(1));
    let in_cookie = refresh_cookie::is_wanted(call.request) || refresh_cookie::read(call.request).is_some();
    sign_in_reply(call, opened, bearer, (200, in_cookie)).await
}

/// `POST /auth/reset-password`: sets a password by means of a one-time token, and ends all sessions of the user.
pub async fn reset_password(call: &Call<'_>) -> Result<Reply, Error> {
    let input = input::parse_body(call.request, &RESET_PASSWORD)?;
    call.check_rate_limit().await?;
    let hash =
        password::hash(&input.required("password"), &call.app.config.pepper).map_err(Error::Internal)?;
    let mut batch = Batch::new();
    let token = ids::hash_token(&input.required("token"));
    // While the token is still good. Nobody is found by another one, and nothing is on record then.
    let owner = AuditTarget::Found(rows::find_reset_token(&token, call.now()));
    batch.extend([call.audit_of(None, AuditAction::PasswordReset, owner, json!({}))]);
    let user = batch.add_last::<IdRow>(rows::reset_password(&token, &hash, call.now()));
    let user = call.app.db.batch(&batch).await?.first(user)?;
    match user {
        Some(_) => Ok(Reply::ok(
            r#"{"message":"the password is set; log in with it"}"#.to_owned(),
        )),
        None => Err(Error::field(
            "token",
            "is invalid, has expired or was used before",
        )),
    }
}
