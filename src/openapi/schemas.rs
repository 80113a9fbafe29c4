//! Schemas of responses that are not made from a view. Routes and views refer to them by name; a test reports names
//! that are missing here.

use serde_json::{Value, json};

use crate::desk::assistant::prompt::SENTIMENTS;
use crate::desk::id::MAX_ID;
use crate::desk::person::Role;
use crate::desk::sla::SlaState;
use crate::desk::sla::calendar_parse::WEEKDAYS;
use crate::desk::tickets::priority::Priority;
use crate::desk::tickets::status::{Lifecycle, Status};
use crate::openapi::schema::{described, list, object, one_of, or_null, page_of, schema_ref, some_fields};
use crate::openapi::{
    access, data, mail, notifications, reports, tickets as ticket_schemas, tools, webhooks, workflows,
};
use crate::store::tickets::events::EVENT;

/// All of them by name.
pub fn schemas() -> Vec<(&'static str, Value)> {
    let mut all = vec![
        ("Error", error()),
        ("Problem", problem()),
        ("Reference", reference()),
        ("Person", person()),
        ("PageMeta", page_meta()),
        ("PageLinks", object([("next?", text())])),
    ];
    all.extend(accounts());
    all.extend(tickets());
    all.extend(service());
    all.extend(categories());
    all.push(("PresignedUpload", presigned()));
    all.extend(access::schemas());
    all.extend(data::schemas());
    all.extend(mail::schemas());
    all.extend(assistant());
    all.extend(sla_calendars());
    all.extend(notifications::schemas());
    all.extend(webhooks::schemas());
    all.extend(reports::schemas());
    all.extend(workflows::schemas());
    all.extend(tools::schemas());
    all.extend(ticket_schemas::schemas());
    all
}

fn text() -> Value {
    json!({"type": "string"})
}

fn time() -> Value {
    json!({"type": "string", "format": "date-time"})
}

fn whole() -> Value {
    json!({"type": "integer"})
}

fn count() -> Value {
    json!({"type": "integer", "minimum": 0})
}

fn constant(value: Value) -> Value {
    json!({"const": value})
}

/// An object with any content.
fn any_object() -> Value {
    json!({"type": "object", "additionalProperties": true})
}

fn error() -> Value {
    let by_field = json!({"type": "object", "additionalProperties": list(text())});
    object([
        ("status", constant(json!("error"))),
        (
            "code",
            described(text(), "The machine-readable word, such as `VALIDATION_ERROR`."),
        ),
        (
            "error",
            described(text(), "The same word in an older form, such as `E_VALIDATION`."),
        ),
        ("message", described(text(), "What is wrong, for people.")),
        ("detail", described(text(), "The same as `message`.")),
        (
            "errors",
            described(by_field, "By field: all that is wrong with it."),
        ),
        (
            "details",
            described(
                any_object(),
                "Facts for the code at hand, such as `{from, to, allowed}`.",
            ),
        ),
        (
            "request_id",
            described(text(), "Finds the request in the log; also in `X-Request-Id`."),
        ),
    ])
}

fn problem() -> Value {
    let by_field = json!({"type": "object", "additionalProperties": list(text())});
    let problem = object([
        ("type", text()),
        ("title", text()),
        ("status", whole()),
        ("detail", text()),
        ("instance", text()),
        ("code", text()),
        ("errors", by_field),
        ("details", any_object()),
        ("request_id", text()),
    ]);
    described(
        problem,
        "RFC 9457, for clients that accept `application/problem+json`.",
    )
}

fn reference() -> Value {
    described(
        json!({"anyOf": [
            {"type": "integer", "minimum": 1, "maximum": MAX_ID},
            {"type": "string", "minLength": 2, "maxLength": 40},
        ]}),
        "A row: its `id` as a number or its `uid`; a ticket also its `number` or `key`.",
    )
}

fn person() -> Value {
    object([
        ("id", whole()),
        ("uid", text()),
        ("full_name", text()),
        ("role", one_of(&Role::WORDS)),
        ("avatar_url", or_null(text())),
        ("email?", described(text(), "Of a requester, for staff only.")),
    ])
}

fn page_meta() -> Value {
    object([
        ("limit", count()),
        ("has_more", json!({"type": "boolean"})),
        ("next_cursor", or_null(text())),
        ("prev_cursor?", or_null(text())),
        (
            "total?",
            described(count(), "With `count`, `page` or `skip`; exact up to 10,000."),
        ),
        (
            "total_is_capped?",
            described(constant(json!(true)), "There are more than `total`."),
        ),
    ])
}

fn accounts() -> [(&'static str, Value); 5] {
    let mut permissions: Vec<&str> = Role::ALL
        .iter()
        .flat_map(|role| role.permissions())
        .copied()
        .collect();
    permissions.sort_unstable();
    permissions.dedup();
    let signed = object([
        ("user", schema_ref("User")),
        ("access_token", text()),
        (
            "refresh_token?",
            described(
                text(),
                "Not there with `Accept-Session: cookie`: it is in the cookie then.",
            ),
        ),
        ("token_type", constant(json!("Bearer"))),
        (
            "expires_in",
            described(count(), "Life of the access token, seconds."),
        ),
    ]);
    let verified = object([
        ("valid", constant(json!(true))),
        ("user_id", whole()),
        ("role", one_of(&Role::WORDS)),
        ("session_id", whole()),
        ("expires_at", time()),
    ]);
    let ticket = object([
        ("ticket", text()),
        ("expires_in", described(count(), "Life of the ticket, seconds.")),
    ]);
    [
        (
            "SocketTicket",
            described(ticket, "It opens one socket: `/messages/ws?ticket=...`."),
        ),
        ("Permissions", list(one_of(&permissions))),
        (
            "Signed",
            described(signed, "A session: the person and two tokens."),
        ),
        ("Verified", verified),
        ("Done", described(object([("message", text())]), "It is done.")),
    ]
}

fn tickets() -> [(&'static str, Value); 12] {
    let sums = |words: &[&str]| {
        let properties: serde_json::Map<String, Value> =
            words.iter().map(|word| ((*word).to_owned(), count())).collect();
        json!({"type": "object", "properties": properties, "required": words, "additionalProperties": false})
    };
    let change = object([
        ("field", text()),
        (
            "from",
            described(json!({}), "The value before; a person as a card."),
        ),
        ("to", described(json!({}), "The value after.")),
    ]);
    let summary = object([
        ("total", count()),
        ("by_status", sums(&Status::WORDS)),
        ("by_priority", sums(&Priority::WORDS)),
        ("unassigned", count()),
        ("overdue", count()),
        (
            "capped?",
            described(constant(json!(true)), "`overdue` is at least this many."),
        ),
    ]);
    let transitions = object([
        ("status", one_of(&Status::WORDS)),
        ("workflow", one_of(&Lifecycle::WORDS)),
        ("allowed", schema_ref("Transitions")),
    ]);
    let message = object([
        ("type", constant(json!("message"))),
        ("seq", whole()),
        (
            "message",
            described(or_null(schema_ref("Message")), "Null when it was deleted."),
        ),
        ("deleted_at", or_null(time())),
        ("created_at", time()),
    ]);
    let entry = json!({"anyOf": [schema_ref("Said"), schema_ref("Event"), schema_ref("TimelineFields")]});
    let mut some = some_fields(EVENT.fields.iter());
    if let Some(map) = some.get_mut("properties").and_then(Value::as_object_mut) {
        map.insert("message".to_owned(), or_null(schema_ref("Message")));
        map.insert("deleted_at".to_owned(), or_null(time()));
    }
    [
        ("Tags", list(text())),
        (
            "Sla",
            described(
                object([
                    ("response", one_of(&SlaState::WORDS)),
                    ("resolution", one_of(&SlaState::WORDS)),
                ]),
                "How the two promises are doing at this moment.",
            ),
        ),
        (
            "LastMessage",
            object([
                ("at", json!({"type": "string", "format": "date-time"})),
                ("author", schema_ref("Person")),
                ("is_internal", json!({"type": "boolean"})),
                ("excerpt", text()),
            ]),
        ),
        (
            "Transitions",
            json!({"type": "array", "items": one_of(&Status::WORDS), "uniqueItems": true}),
        ),
        (
            "CustomFields",
            described(
                any_object(),
                "Values by the keys of custom fields: a text, a number, true or false, a day, an option or a list of options.",
            ),
        ),
        ("Changes", list(change)),
        (
            "EventData",
            described(
                any_object(),
                "What else belongs to the event: of a transfer its `reason`, of a warning its `target` (response, resolution); both for staff only. Of a new ticket `unassigned`, where staff have left it to nobody. \
                 At `/tickets/{id}/events` also the `message` (a Message) that the event added or edited.",
            ),
        ),
        ("Summary", summary),
        ("TransitionList", transitions),
        (
            "Said",
            described(message, "A message where it stands in a timeline."),
        ),
        (
            "TimelineFields",
            described(some, "An entry of which only some fields are asked for."),
        ),
        (
            "Timeline",
            described(timeline(entry), "Messages and events, merged in order."),
        ),
    ]
}

fn assistant() -> [(&'static str, Value); 2] {
    let model = || described(text(), "The model that was asked.");
    let truncated = || described(json!({"type": "boolean"}), "Older messages were left out.");
    let category = object([("id", whole()), ("slug", text()), ("name", text())]);
    let sentiment = one_of(&SENTIMENTS);
    let reply = object([
        (
            "reply",
            described(text(), "A draft: somebody is to read it first."),
        ),
        ("model", model()),
        ("truncated", truncated()),
        ("sources", object([("messages", count())])),
    ]);
    let triage = object([
        ("category", or_null(category)),
        ("priority", or_null(one_of(&Priority::WORDS))),
        ("sentiment", or_null(sentiment)),
        ("assignee", or_null(schema_ref("Person"))),
        ("reason", text()),
        ("model", model()),
        ("truncated", truncated()),
    ]);
    let says = "Suggestions, none of them applied; null where there is none that the desk knows.";
    [("SuggestedReply", reply), ("Triage", described(triage, says))]
}

fn categories() -> [(&'static str, Value); 3] {
    let name = object([("id", whole()), ("slug", text()), ("name", text())]);
    [
        ("Ids", list(whole())),
        ("Subcategories", list(schema_ref("Subcategory"))),
        ("CategoryNames", list(name)),
    ]
}

fn sla_calendars() -> [(&'static str, Value); 4] {
    let range = json!({"type": "string", "pattern": "^[0-2][0-9]:[0-5][0-9]-[0-2][0-9]:[0-5][0-9]$"});
    let day = json!({"type": ["array", "null"], "items": range, "maxItems": 12});
    let week: serde_json::Map<String, Value> = WEEKDAYS
        .iter()
        .map(|name| ((*name).to_owned(), day.clone()))
        .collect();
    [
        ("People", list(schema_ref("Person"))),
        (
            "TimeZone",
            described(text(), "A time zone as IANA names it, such as Europe/Berlin."),
        ),
        (
            "CalendarHours",
            described(
                json!({"type": "object", "properties": week, "additionalProperties": false}),
                "Wall times of each weekday, such as {\"mon\": [\"09:00-12:30\", \"13:30-17:00\"]}: apart, and at \
                 least an hour a week. A shift over midnight is two ranges; a day ends at 24:00.",
            ),
        ),
        (
            "CalendarHolidays",
            described(
                json!({"type": "array", "items": {"type": "string", "format": "date"}, "maxItems": 1_000}),
                "Local days on which nobody works.",
            ),
        ),
    ]
}

fn timeline(entry: Value) -> Value {
    let mut page = page_of(schema_ref("Said"));
    if let Some(items) = page.pointer_mut("/properties/data/items") {
        *items = entry;
    }
    page
}

fn presigned() -> Value {
    let headers = described(
        json!({"type": "object", "additionalProperties": text()}),
        "Send exactly these with the file.",
    );
    let link = object([
        ("upload_url", described(text(), "Where the file goes, once.")),
        ("method", constant(json!("PUT"))),
        ("headers", headers),
        (
            "key",
            described(
                text(),
                "Registers the file when it is there: `POST /attachments`.",
            ),
        ),
        ("expires_at", time()),
    ]);
    described(link, "A permission to upload one file.")
}

fn service() -> [(&'static str, Value); 4] {
    let state = || one_of(&["ok", "down"]);
    let check = object([("status", state()), ("ms", count())]);
    let checks = json!({"type": "object", "additionalProperties": check});
    let key = object([
        ("kty", constant(json!("RSA"))),
        ("use", constant(json!("sig"))),
        ("alg", constant(json!("RS256"))),
        ("kid", text()),
        ("n", text()),
        ("e", text()),
    ]);
    [
        ("Health", object([("status", constant(json!("ok")))])),
        ("Ready", object([("status", state()), ("checks", checks)])),
        ("Version", object([("name", text()), ("version", text())])),
        ("Jwks", object([("keys", list(key))])),
    ]
}
