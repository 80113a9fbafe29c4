//! Addresses: links to set a password, proof that an address is somebody's own, and mails that are to stop.

use crate::app::call::Call;
use crate::desk::notification::{Channels, NotificationKind as Told};
use crate::desk::signed_token::Signer;
use crate::edge::db::Batch;
use crate::http::error::Error;
use crate::http::input;
use crate::http::reply::{Body, Reply};
use crate::http::shape::{Field, Kind, Shape};
use crate::store::mail::outbox;
use crate::store::{notifications, users};

/// The body of a request for a link.
pub const FORGOT: Shape = Shape {
    name: "ForgotPassword",
    fields: &[Field::required(
        "email",
        Kind::Email,
        "The address of the account.",
    )],
};

/// The body that proves an address.
pub const VERIFY: Shape = Shape {
    name: "VerifyEmail",
    fields: &[Field::required("token", Kind::Secret, "The token of the mail.")],
};

/// What a link to stop mails carries.
pub const UNSUBSCRIBE: Shape = Shape {
    name: "Unsubscribe",
    fields: &[Field::required("token", Kind::Opaque, "The token of the mail.")],
};

/// `POST /auth/forgot-password`. The answer is the same for every address, and takes the same time: the link is
/// made when the mail is sent.
pub async fn forgot_password(call: &Call<'_>) -> Result<Reply, Error> {
    let input = input::parse_body(call.request, &FORGOT)?;
    call.check_rate_limit().await?;
    let address = input.required("email").to_lowercase();
    let mail = outbox::request_password_reset(&address, call.now());
    call.write(mail.to_vec().into()).await?;
    Ok(Reply::ok(
        r#"{"message":"if there is an account with this address, a link is on its way to it"}"#.to_owned(),
    ))
}

/// `POST /auth/verify-email`. Doing it again changes nothing.
pub async fn verify_email(call: &Call<'_>) -> Result<Reply, Error> {
    const WRONG: &str = "is invalid or has expired";
    let input = input::parse_body(call.request, &VERIFY)?;
    let token = input.required("token");
    let wrong = || Error::field("token", WRONG);
    let word = Signer::payload(&token).and_then(|word| word.split_once('.'));
    let (user_id, until) = word
        .and_then(|(id, until)| Some((id.parse::<i64>().ok()?, until.parse::<i64>().ok()?)))
        .ok_or_else(wrong)?;
    let mut batch = Batch::new();
    let address = batch.add(users::find_email(user_id));
    let address = call.read_public(batch).await?.text(address)?;
    let signer = &call.app.config.mail.signer;
    let address = address.filter(|address| signer.verify("verify", &token, address));
    let address = address.filter(|_| call.now() < until).ok_or_else(wrong)?;
    call.app
        .db
        .batch(&[users::verify_email(user_id, &address, call.now())])
        .await?;
    Ok(Reply::ok(r#"{"message":"the address is confirmed"}"#.to_owned()))
}

/// `POST /auth/resend-verification`: at most three times an hour.
pub async fn resend_verification(call: &Call<'_>) -> Result<Reply, Error> {
    call.authorize().await?;
    let mail = outbox::request_verification(call.my_id()?, call.now());
    call.write(mail.to_vec().into()).await?;
    Ok(Reply::ok(
        r#"{"message":"if the address is not confirmed yet, a mail is on its way"}"#.to_owned(),
    ))
}

/// `GET /notifications/unsubscribe`: a page that asks; programs that look at links change nothing.
pub async fn show_unsubscribe(_call: &Call<'_>) -> Result<Reply, Error> {
    Ok(page())
}

/// `GET /reset-password`, `GET /verify-email`: pages for desks without a front end of their own.
pub async fn show_page(_call: &Call<'_>) -> Result<Reply, Error> {
    Ok(page())
}

fn page() -> Reply {
    Reply::new(200, Body::Asset("/account.html"))
}

/// `POST /notifications/unsubscribe`: no more mails of the kind that the token names (RFC 8058).
pub async fn unsubscribe(call: &Call<'_>) -> Result<Reply, Error> {
    let wrong = || Error::field("token", "is invalid");
    let input = input::parse_query(call.request, &[&UNSUBSCRIBE])?;
    call.check_rate_limit().await?;
    let token = input.required("token");
    let signer = &call.app.config.mail.signer;
    let word = Signer::payload(&token).filter(|_| signer.verify("unsubscribe", &token, ""));
    let (user_id, kind) = word
        .and_then(|word| word.split_once('.'))
        .and_then(|(id, kind)| Some((id.parse::<i64>().ok()?, Told::parse(kind)?)))
        .ok_or_else(wrong)?;
    let ways = Channels {
        live: None,
        email: Some(false),
    };
    let stmts = notifications::set_preferences(user_id, &[(kind, ways)].into());
    call.app.db.batch(&stmts).await?;
    Ok(Reply::ok(
        r#"{"message":"you will get no more mails of this kind"}"#.to_owned(),
    ))
}
