//! The links in e-mails: setting a password, confirming an e-mail address, and unsubscribing.

use crate::app::call::Call;
use crate::desk::fold::caseless;
use crate::desk::mail::copy_token;
use crate::desk::notification::{Channels, NotificationKind as Told};
use crate::desk::signed_token::Signer;
use crate::edge::db::Batch;
use crate::http::error::Error;
use crate::http::input;
use crate::http::reply::{Body, Reply};
use crate::http::shape::{Field, Kind, Shape};
use crate::store::mail::{addresses, outbox};
use crate::store::{notifications, users};

/// The body of a request for a link that sets a password.
pub const FORGOT: Shape = Shape {
    name: "ForgotPassword",
    fields: &[Field::required(
        "email",
        Kind::Email,
        "The address of the account.",
    )],
};

/// The body that confirms an e-mail address.
pub const VERIFY: Shape = Shape {
    name: "VerifyEmail",
    fields: &[Field::required("token", Kind::Secret, "The token of the mail.")],
};

/// The query of a link that unsubscribes.
pub const UNSUBSCRIBE: Shape = Shape {
    name: "Unsubscribe",
    fields: &[Field::required("token", Kind::Opaque, "The token of the mail.")],
};

/// `POST /auth/forgot-password`. The reply is the same for every address, whether or not it has an account, and takes
/// the same time, because the link is only made when the e-mail is sent.
pub async fn forgot_password(call: &Call<'_>) -> Result<Reply, Error> {
    let input = input::parse_body(call.request, &FORGOT)?;
    call.check_rate_limit().await?;
    let address = caseless(&input.required("email"));
    let mail = outbox::request_password_reset(&address, call.now());
    call.write(mail.to_vec().into()).await?;
    Ok(Reply::ok(
        r#"{"message":"if there is an account with this address, a link is on its way to it"}"#.to_owned(),
    ))
}

/// `POST /auth/verify-email`. Repeating it changes nothing.
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

/// `POST /auth/resend-verification`: sends at most three e-mails per hour.
pub async fn resend_verification(call: &Call<'_>) -> Result<Reply, Error> {
    call.authorize().await?;
    let mail = outbox::request_verification(call.my_id()?, call.now());
    call.write(mail.to_vec().into()).await?;
    Ok(Reply::ok(
        r#"{"message":"if the address is not confirmed yet, a mail is on its way"}"#.to_owned(),
    ))
}

/// `GET /notifications/unsubscribe`: a page that asks for confirmation, so that programs which follow the links in
/// e-mails do not change anything.
pub async fn show_unsubscribe(_call: &Call<'_>) -> Result<Reply, Error> {
    Ok(page())
}

/// `GET /reset-password`, `GET /verify-email`: pages for help desks that have no front end of their own.
pub async fn show_page(_call: &Call<'_>) -> Result<Reply, Error> {
    Ok(page())
}

fn page() -> Reply {
    Reply::new(200, Body::Asset("/account.html"))
}

/// `POST /notifications/unsubscribe`: switches off e-mails of the kind that is named in the token, or takes its address
/// out of the copy of a ticket (RFC 8058).
pub async fn unsubscribe(call: &Call<'_>) -> Result<Reply, Error> {
    let wrong = || Error::field("token", "is invalid");
    let input = input::parse_query(call.request, &[&UNSUBSCRIBE])?;
    call.check_rate_limit().await?;
    let token = input.required("token");
    let signer = &call.app.config.mail.signer;
    if let Some((ticket_id, address)) = copy_token::verify(signer, &token) {
        let left = addresses::leave(ticket_id, &address, call.now());
        call.app.db.batch(&left).await?;
        return Ok(Reply::ok(
            r#"{"message":"you will get no more mails about this ticket"}"#.to_owned(),
        ));
    }
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
