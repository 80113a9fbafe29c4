//! Two-factor sign-in: setting it up, the second step of a sign-in, and ending it.

use serde_json::json;

use crate::api::auth::challenge;
use crate::api::auth::refresh_cookie;
use crate::api::auth::sessions::{Guess, begin_session, sign_in_reply};
use crate::app::call::Call;
use crate::app::retry::retry;
use crate::desk::access::audit::AuditAction;
use crate::desk::access::totp::{
    RECOVERY_CODES, TotpSecret, format_recovery_code, normalize_code, normalize_recovery_code,
};
use crate::desk::id::Ref;
use crate::desk::person::Role;
use crate::edge::auth::password;
use crate::edge::db::{Batch, Stmt};
use crate::edge::ids;
use crate::http::error::Error;
use crate::http::input;
use crate::http::reply::Reply;
use crate::http::shape::{Field, Kind, Shape};
use crate::store::access::two_factor::{self as rows, SecondFactorRow, UsedCode};
use crate::store::commit::CommitReply;
use crate::store::sessions as session_rows;
use crate::store::sql::rows::CountRow;
use crate::store::users;

/// How many codes may be tried for one challenge.
const MAX_TRIES: i64 = 5;
/// What authenticators show beside the account.
const ISSUER: &str = "Edgedesk";

const CODE: Field = Field::required(
    "code",
    Kind::Secret,
    "The code of the authenticator, or one of the recovery codes.",
);

/// The body of the second step of a sign-in.
pub const SECOND_STEP: Shape = Shape {
    name: "SecondStep",
    fields: &[
        Field::required("challenge", Kind::Secret, "As the first step gave it."),
        CODE,
    ],
};

/// The body that confirms that the authenticator works.
pub const CONFIRM: Shape = Shape {
    name: "ConfirmTwoFactor",
    fields: &[Field::required(
        "code",
        Kind::Secret,
        "The code that the authenticator shows.",
    )],
};

/// The body that ends two-factor sign-in.
pub const END: Shape = Shape {
    name: "EndTwoFactor",
    fields: &[Field::required("password", Kind::Secret, "The password."), CODE],
};

const WRONG_CODE: &str = "is wrong, or was used before";
const REFUSED: Error =
    Error::Unauthorized("the code is wrong or was used before, or the challenge has ended");

/// `POST /auth/2fa`: the second step of a sign-in.
pub async fn sign_in(call: &Call<'_>) -> Result<Reply, Error> {
    let input = input::parse_body(call.request, &SECOND_STEP)?;
    let challenge = input.required("challenge");
    let (user_id, ver) = challenge::read(call, &challenge).ok_or(REFUSED)?;
    let now = call.now();
    let pepper = &call.app.config.pepper;
    let [tries, used] = ["tries of challenge", "used challenge"]
        .map(|about| ids::hmac_hex(pepper, &format!("{about}\n{challenge}")));
    let guess = Guess::new(call, &format!("second factor\n{user_id}"));
    let mut batch = Batch::new();
    let factor = batch.add::<SecondFactorRow>(rows::find(user_id));
    let tries = batch.add::<CountRow>(session_rows::record_attempt(&tries, MAX_TRIES, now));
    let attempts = guess.record(&mut batch, now);
    let found = call.read_public(batch).await?;
    guess.require_attempts_left(call, &found, attempts, None).await?;
    let tried = found.first(tries)?.map_or(0, |row| row.n);
    let factor = found.first(factor)?.filter(|factor| {
        tried <= MAX_TRIES && factor.is_active == 1 && factor.two_factor == 1 && factor.ver == ver
    });
    let factor = factor.ok_or(REFUSED)?;
    let opened = match read_code(call, &factor, &input.required("code")) {
        None => Err(Error::VersionConflict),
        Some(code) => {
            let mut stmts = rows::use_code(user_id, ver, &code).to_vec();
            stmts.extend([
                rows::use_challenge(&used, now),
                session_rows::clear_attempts(&guess.account),
                users::record_login(user_id, now),
                call.audit_of(
                    Some(user_id),
                    AuditAction::SessionCreated,
                    Some(user_id),
                    json!({"second_factor": code.as_str()}),
                ),
            ]);
            begin_session(call, stmts, &Ref::Id(user_id)).await
        }
    };
    match opened {
        Ok(opened) => {
            let role = Role::parse(&factor.role).unwrap_or(Role::Customer);
            let in_cookie = refresh_cookie::is_wanted(call.request);
            sign_in_reply(call, opened, (user_id, role, ver), (200, in_cookie)).await
        }
        // No such code, or somebody was faster with it, or with the challenge.
        Err(Error::VersionConflict | Error::Conflict { .. }) => {
            let details = json!({"second_factor": "refused"});
            let entry = call.audit_of(None, AuditAction::SessionFailed, Some(user_id), details);
            guess.record_failure(call, Some(entry)).await?;
            Err(REFUSED)
        }
        Err(error) => Err(error),
    }
}

/// What a typed code is: one of the authenticator that is good now, or perhaps a recovery code.
fn read_code(call: &Call, factor: &SecondFactorRow, typed: &str) -> Option<UsedCode> {
    if let Some(code) = normalize_code(typed) {
        let secret = secret_of(call, factor)?;
        let step = secret.find_step(&code, factor.last_step.unwrap_or_default(), call.now());
        return step.map(UsedCode::Step);
    }
    let code = normalize_recovery_code(typed)?;
    Some(UsedCode::Recovery(hash_recovery_code(
        call,
        factor.user_id,
        &code,
    )))
}

fn secret_of(call: &Call, factor: &SecondFactorRow) -> Option<TotpSecret> {
    let salt = factor.salt.as_deref()?;
    Some(TotpSecret::derive(&call.app.config.pepper, factor.user_id, salt))
}

fn hash_recovery_code(call: &Call, user_id: i64, code: &str) -> String {
    ids::hmac_hex(
        &call.app.config.pepper,
        &format!("recovery code\n{user_id}\n{code}"),
    )
}

/// `POST /auth/2fa/setup`: a new secret for the authenticator, in effect once it is confirmed.
pub async fn set_up(call: &Call<'_>) -> Result<Reply, Error> {
    let id = call.my_id()?;
    let factor: SecondFactorRow = call.read_row(rows::find(id)).await?;
    require_off(&factor)?;
    let salt = ids::new_secret().map_err(Error::Internal)?;
    call.write(vec![rows::begin(id, &salt)].into()).await?;
    let secret = TotpSecret::derive(&call.app.config.pepper, id, &salt);
    let reply = json!({"secret": secret.to_base32(), "otpauth_uri": secret.to_uri(ISSUER, &factor.email)});
    Ok(Reply::ok(reply.to_string()))
}

fn require_off(factor: &SecondFactorRow) -> Result<(), Error> {
    if factor.two_factor == 1 {
        return Err(Error::conflict("two-factor sign-in is on already"));
    }
    Ok(())
}

/// `POST /auth/2fa/confirm`: from now on a sign-in asks for a code. Other sessions end. The recovery codes are in this
/// reply and nowhere else.
pub async fn confirm(call: &Call<'_>) -> Result<Reply, Error> {
    let input = input::parse_body(call.request, &CONFIRM)?;
    let id = call.my_id()?;
    let guess = Guess::new(call, &format!("second factor\n{id}"));
    let mut batch = Batch::new();
    let factor = batch.add::<SecondFactorRow>(rows::find(id));
    let attempts = guess.record(&mut batch, call.now());
    let found = call.read(batch).await?;
    guess.require_attempts_left(call, &found, attempts, None).await?;
    let factor = found.require(factor)?;
    require_off(&factor)?;
    let secret = secret_of(call, &factor)
        .ok_or_else(|| Error::conflict("there is nothing to confirm; POST /auth/2fa/setup first"))?;
    let step = normalize_code(&input.required("code"))
        .and_then(|code| secret.find_step(&code, 0, call.now()))
        .ok_or_else(|| Error::field("code", "is wrong"))?;
    let mut codes = Vec::with_capacity(RECOVERY_CODES);
    for _ in 0..RECOVERY_CODES {
        codes.push(format_recovery_code(
            &ids::random_bytes::<10>().map_err(Error::Internal)?,
        ));
    }
    let hashes: Vec<String> = codes
        .iter()
        .filter_map(|code| normalize_recovery_code(code))
        .map(|code| hash_recovery_code(call, id, &code))
        .collect();
    let salt = factor.salt.unwrap_or_default();
    let hashes = json!(hashes).to_string();
    let mut stmts = rows::confirm((id, call.me()?.session_id), &salt, (step, &hashes), call.now()).to_vec();
    stmts.extend([
        session_rows::clear_attempts(&guess.account),
        call.audit(AuditAction::TwoFactorEnabled, Some(id), json!({})),
    ]);
    call.write(stmts.into()).await?;
    Ok(Reply::ok(json!({"recovery_codes": codes}).to_string()))
}

/// `DELETE /auth/2fa`: ends it, with the password and a code.
pub async fn end(call: &Call<'_>) -> Result<Reply, Error> {
    let input = input::parse_body(call.request, &END)?;
    let id = call.my_id()?;
    let guess = Guess::new(call, &format!("second factor\n{id}"));
    let mut batch = Batch::new();
    let factor = batch.add::<SecondFactorRow>(rows::find(id));
    let attempts = guess.record(&mut batch, call.now());
    let found = call.read(batch).await?;
    guess.require_attempts_left(call, &found, attempts, None).await?;
    let factor = found.require(factor)?;
    if factor.two_factor == 0 {
        return Err(Error::conflict("two-factor sign-in is not on"));
    }
    let right = password::verify(
        &input.required("password"),
        factor.password_hash.as_deref(),
        &call.app.config.pepper,
    );
    if !right.map_err(Error::Internal)? {
        guess.record_failure(call, None).await?;
        return Err(Error::field("password", "is wrong"));
    }
    let Some(code) = read_code(call, &factor, &input.required("code")) else {
        guess.record_failure(call, None).await?;
        return Err(Error::field("code", WRONG_CODE));
    };
    let mut stmts = rows::use_code(id, factor.ver, &code).to_vec();
    stmts.extend([
        rows::delete(id),
        rows::set_flag(id, false, call.now()),
        session_rows::clear_attempts(&guess.account),
        call.audit(AuditAction::TwoFactorDisabled, Some(id), json!({})),
    ]);
    match call.write(stmts.into()).await {
        Ok(_) => Ok(Reply::no_content()),
        Err(Error::VersionConflict) => {
            guess.record_failure(call, None).await?;
            Err(Error::field("code", WRONG_CODE))
        }
        Err(error) => Err(error),
    }
}

/// `DELETE /users/{id}/2fa`: takes it away from somebody who has lost the authenticator and the recovery codes. What
/// they are signed in with ends.
pub async fn reset(call: &Call<'_>) -> Result<Reply, Error> {
    let reference = call.reference("id")?;
    retry!(async {
        let factor: SecondFactorRow = call.read_row(rows::find_by(&reference)).await?;
        if factor.user_id == call.my_id()? {
            return Err(Error::Forbidden(
                "your own ends with your password and a code: DELETE /auth/2fa".to_owned(),
            ));
        }
        call.check_version(factor.version, None)?;
        if factor.two_factor == 0 {
            return call.commit(Vec::new(), CommitReply::Nothing).await;
        }
        let mut stmts: Vec<Stmt> = rows::reset(factor.user_id, factor.version, call.now()).to_vec();
        stmts.push(session_rows::revoke_all(factor.user_id, call.now()));
        call.commit(stmts, CommitReply::Nothing).await
    })
}
