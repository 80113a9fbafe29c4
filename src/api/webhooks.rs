//! Webhooks: the endpoints of other systems, and the deliveries to them.

use serde_json::{Value, json};

use crate::api::list::{List, parse_list_query, show_resource};
use crate::app::call::Call;
use crate::app::retry::retry;
use crate::desk::access::audit::AuditAction;
use crate::desk::id::Ref;
use crate::desk::validation::FieldError;
use crate::desk::webhooks::delivery::{DeliveryState, MAX_ENDPOINTS, first_internal_only, parse_events};
use crate::desk::webhooks::endpoint_url::{self, UrlPolicy};
use crate::edge::db::{Batch, Stmt};
use crate::edge::ids;
use crate::http::error::Error;
use crate::http::input;
use crate::http::input_values::Input;
use crate::http::reply::{Body, Reply};
use crate::http::shape::{Field, JsonFormat, Kind, Shape};
use crate::http::webhook_signature::{format_secret, is_valid_secret};
use crate::store::commit::CommitReply;
use crate::store::dispatch::{Dispatch, DispatchKind};
use crate::store::sql::rows::CountRow;
use crate::store::webhooks::deliveries::{self, DeliveryRow, STATE};
use crate::store::webhooks::endpoints::{self as rows, NewWebhook, WebhookRow};

fn error_unless(fits: bool, field: &str, message: &str) -> Vec<FieldError> {
    let wrong = (!fits).then(|| (field.to_owned(), message.to_owned()));
    wrong.into_iter().collect()
}

static EVENTS: JsonFormat = JsonFormat {
    schema: "WebhookEvents",
    validate: |value| parse_events(value).err().unwrap_or_default(),
};
static URL: JsonFormat = JsonFormat {
    schema: "WebhookUrl",
    validate: |value| {
        // What depends on the configuration and the request is checked later, in `read_url`.
        let terms = UrlPolicy {
            allow_loopback: true,
            own_hosts: &[],
        };
        match value.as_str().map(|text| endpoint_url::parse(text, terms)) {
            Some(Ok(_)) => Vec::new(),
            Some(Err(why)) => error_unless(false, "url", why),
            None => error_unless(false, "url", "must be a string"),
        }
    },
};
static SECRET: JsonFormat = JsonFormat {
    schema: "WebhookSecret",
    validate: |value| {
        let fits = value.as_str().is_some_and(is_valid_secret);
        error_unless(fits, "secret", "must be whsec_ and the base64 of 24 to 64 bytes")
    },
};

const DESCRIPTION: Field = Field::optional("description", Kind::Line { min: 0, max: 500 }, "What it is for.");
const INTERNAL: Field = Field::optional(
    "include_internal",
    Kind::Flag,
    "Let it hear of internal notes too, and see tickets as staff do; false by default.",
);
const ACTIVE: Field = Field::optional(
    "is_active",
    Kind::Flag,
    "Whether anything is sent. What waits when it is switched off is called off.",
)
.or(&["active"]);
const OWN_SECRET: Field = Field::optional(
    "secret",
    Kind::Json(&SECRET),
    "A secret of your own: whsec_ and base64. Made by chance otherwise.",
);

/// The body of a new webhook.
pub const NEW: Shape = Shape {
    name: "NewWebhook",
    fields: &[
        Field::required(
            "url",
            Kind::Json(&URL),
            "An https URL on the public internet, at port 443 or 8443.",
        ),
        Field::required("events", Kind::Json(&EVENTS), "The types to hear of, or `*`."),
        DESCRIPTION,
        INTERNAL,
        ACTIVE,
        OWN_SECRET,
    ],
};

/// The body of an update of a webhook.
pub const EDIT: Shape = Shape {
    name: "WebhookPatch",
    fields: &[
        Field::optional(
            "url",
            Kind::Json(&URL),
            "An https URL on the public internet, at port 443 or 8443.",
        ),
        Field::optional("events", Kind::Json(&EVENTS), "The types to hear of, or `*`."),
        DESCRIPTION,
        INTERNAL,
        ACTIVE,
        Field::optional(
            "rotate_secret",
            Kind::Flag,
            "Make a new secret. The one before signs too for another 24 hours.",
        ),
        OWN_SECRET,
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

/// The filter of the list of deliveries.
pub const DELIVERIES: Shape = Shape {
    name: "WebhookDeliveryFilter",
    fields: &[Field::optional("state", Kind::Choice(&STATE), "Only in this state.").or(&["status"])],
};

/// The statement that finds the webhook in the path.
pub fn find(call: &Call) -> Result<Stmt, Error> {
    Ok(rows::row(&call.reference("id")?))
}

/// The statement that finds the delivery in the path.
pub fn find_delivery(call: &Call) -> Result<Stmt, Error> {
    Ok(deliveries::row(
        &call.reference("id")?,
        &call.reference("delivery_id")?,
    ))
}

/// `GET /webhooks`.
pub async fn list(call: &Call<'_>) -> Result<Reply, Error> {
    let (_, page) = parse_list_query(call, &[])?;
    List::new(rows::list(&page), rows::count).reply(call, &page).await
}

/// `GET /webhooks/{id}`.
pub async fn show(call: &Call<'_>) -> Result<Reply, Error> {
    show_resource(call, rows::show(&call.reference("id")?)).await
}

// Writing --------------------------------------------------------------------------------------------------------

/// `POST /webhooks`.
pub async fn create(call: &Call<'_>) -> Result<Reply, Error> {
    let input = input::parse_body(call.request, &NEW)?;
    let url = read_url(call, &input)?.unwrap_or_default();
    let secret = new_secret(&input, true)?.unwrap_or_default();
    let reply = retry!(async {
        let count: CountRow = call.read_row(rows::count()).await?;
        if count.n >= MAX_ENDPOINTS {
            return Err(Error::conflict(format!(
                "a desk has at most {MAX_ENDPOINTS} webhooks"
            )));
        }
        let include_internal = input.flag("include_internal").unwrap_or(false);
        let new = NewWebhook {
            uid: call.uid()?,
            url: url.clone(),
            description: input.text("description").unwrap_or_default(),
            events: read_event_list(&input, None, include_internal)?,
            include_internal,
            is_active: input.flag("is_active").unwrap_or(true),
            secret: Some(secret.clone()),
            now: call.now(),
        };
        let view = rows::show(&Ref::Uid(new.uid.clone()));
        call.commit(
            rows::insert(&new).into(),
            CommitReply::Created(view, "/api/v1/webhooks/".to_owned()),
        )
        .await
    })?;
    Ok(with_secret(reply, Some(&secret)))
}

/// `PUT /webhooks/{id}`.
pub async fn update(call: &Call<'_>) -> Result<Reply, Error> {
    let input = input::parse_body(call.request, &EDIT)?;
    let url = read_url(call, &input)?;
    let secret = new_secret(&input, input.flag("rotate_secret").unwrap_or(false))?;
    let reply = retry!(async {
        let reference = call.reference("id")?;
        let before: WebhookRow = call.read_row(rows::row(&reference)).await?;
        let include_internal = input
            .flag("include_internal")
            .unwrap_or(before.include_internal == 1);
        let events = read_event_list(&input, Some(&before.events), include_internal)?;
        call.check_version(before.version, Some(&input))?;
        let new = NewWebhook {
            uid: before.uid.clone(),
            url: url.clone().unwrap_or_else(|| before.url.clone()),
            description: input
                .text("description")
                .unwrap_or_else(|| before.description.clone()),
            events,
            include_internal,
            is_active: input.flag("is_active").unwrap_or(before.is_active == 1),
            secret: secret.clone(),
            now: call.now(),
        };
        let stmts = rows::update(&before, &new);
        let reply = call
            .commit(stmts, CommitReply::Row(rows::show(&reference)))
            .await?;
        // Deliveries that wait are attempted at once.
        call.app.dispatches.borrow_mut().push(Dispatch {
            what: DispatchKind::Hook,
            id: before.id,
        });
        Ok(reply)
    })?;
    Ok(with_secret(reply, secret.as_deref()))
}

/// `DELETE /webhooks/{id}`.
pub async fn remove(call: &Call<'_>) -> Result<Reply, Error> {
    retry!(async {
        let before: WebhookRow = call.read_row(rows::row(&call.reference("id")?)).await?;
        call.check_version(before.version, None)?;
        call.commit(
            rows::delete(before.id, before.version).into(),
            CommitReply::Nothing,
        )
        .await
    })
}

/// The given URL in the form in which it will be called; None if none was given.
fn read_url(call: &Call, input: &Input) -> Result<Option<String>, Error> {
    let Some(text) = input.json("url").and_then(Value::as_str) else {
        return Ok(None);
    };
    let config = &call.app.config;
    let own_hosts: Vec<String> = [&config.mail.api_url, &call.request.origin]
        .into_iter()
        .filter_map(|url| endpoint_url::host_of(url))
        .collect();
    let terms = UrlPolicy {
        allow_loopback: config.webhooks.allow_loopback,
        own_hosts: &own_hosts,
    };
    match endpoint_url::parse(text, terms) {
        Ok(endpoint) => Ok(Some(endpoint.url)),
        Err(why) => Err(Error::field("url", why)),
    }
}

/// The events that the webhook receives, as JSON: those of the input, or else those it had before.
fn read_event_list(input: &Input, before: Option<&str>, include_internal: bool) -> Result<String, Error> {
    let before = before.and_then(|text| serde_json::from_str(text).ok());
    let given = input.json("events").cloned().or(before).unwrap_or_default();
    let events = parse_events(&given).map_err(Error::Invalid)?;
    match first_internal_only(&events, include_internal) {
        Some(event) => Err(Error::field("events", format!("{event} needs include_internal"))),
        None => Ok(Value::from(events).to_string()),
    }
}

/// The given secret, or a random one if none was given and one is `wanted`.
fn new_secret(input: &Input, wanted: bool) -> Result<Option<String>, Error> {
    match input.json("secret").and_then(Value::as_str) {
        Some(given) => Ok(Some(given.to_owned())),
        None if wanted => {
            let bytes = ids::random_bytes::<32>().map_err(Error::Internal)?;
            Ok(Some(format_secret(&bytes)))
        }
        None => Ok(None),
    }
}

/// Puts the secret into the reply to the request that set it. The reply that is stored for idempotent replays does
/// not contain it.
fn with_secret(mut reply: Reply, secret: Option<&str>) -> Reply {
    if let (Body::Text(body), Some(secret)) = (&mut reply.body, secret) {
        *body = body.replacen("\"secret\":null", &format!("\"secret\":\"{secret}\""), 1);
    }
    reply
}

// Deliveries -----------------------------------------------------------------------------------------------------

/// `GET /webhooks/{id}/deliveries`: those of the last 30 days, newest first.
pub async fn deliveries(call: &Call<'_>) -> Result<Reply, Error> {
    let (input, page) = parse_list_query(call, &[&DELIVERIES])?;
    let (reference, state) = (call.reference("id")?, input.choice("state"));
    let [rows_of_page, stopped] = deliveries::list(&reference, state, &page);
    List::new(rows_of_page, || deliveries::count(&reference, state))
        .stopped(Some(stopped))
        .of(rows::row(&reference))
        .reply(call, &page)
        .await
}

/// `GET /webhooks/{id}/deliveries/{delivery_id}`.
pub async fn delivery(call: &Call<'_>) -> Result<Reply, Error> {
    let (webhook, delivery) = (call.reference("id")?, call.reference("delivery_id")?);
    show_resource(call, deliveries::show(&webhook, &delivery)).await
}

/// `POST /webhooks/{id}/test`.
pub async fn send_test(call: &Call<'_>) -> Result<Reply, Error> {
    retry!(async {
        let webhook = require_active(call.read_row(rows::row(&call.reference("id")?)).await?)?;
        let mut stmts = deliveries::insert_test(webhook.id, call.now());
        stmts.push(call.audit(AuditAction::WebhookTested, Some(webhook.id), json!({})));
        call.commit(stmts, delivery_reply(&webhook)).await
    })
}

/// `POST /webhooks/{id}/deliveries/{delivery_id}/redeliver`.
pub async fn redeliver(call: &Call<'_>) -> Result<Reply, Error> {
    retry!(async {
        let (reference, delivery) = (call.reference("id")?, call.reference("delivery_id")?);
        let mut batch = Batch::new();
        let webhook = batch.add(rows::row(&reference));
        let before = batch.add::<DeliveryRow>(deliveries::row(&reference, &delivery));
        let found = call.read(batch).await?;
        let before = found.require(before)?;
        let webhook = require_active(found.require(webhook)?)?;
        if before.state == DeliveryState::Pending.as_str() {
            return Err(Error::conflict("it is still to be sent"));
        }
        if before.is_internal == 1 && webhook.include_internal == 0 {
            return Err(Error::conflict(
                "it tells of what is internal, which this webhook does not hear of any more",
            ));
        }
        let mut stmts = deliveries::redeliver(webhook.id, before.id, call.now());
        stmts.push(call.audit(AuditAction::WebhookRedelivered, Some(webhook.id), json!({})));
        call.commit(stmts, delivery_reply(&webhook)).await
    })
}

/// Returns the webhook if it is active, otherwise a conflict.
fn require_active(webhook: WebhookRow) -> Result<WebhookRow, Error> {
    if webhook.is_active == 1 {
        Ok(webhook)
    } else {
        Err(Error::conflict("the webhook is switched off"))
    }
}

fn delivery_reply(webhook: &WebhookRow) -> CommitReply {
    let place = format!("/api/v1/webhooks/{}/deliveries/", webhook.id);
    CommitReply::Created(deliveries::show_newest(webhook.id), place)
}
