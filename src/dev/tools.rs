//! Sample tools: two custom fields with values, a macro, a view, and ratings.

use serde_json::{Map, Value, json};

use crate::app::call::App;
use crate::desk::tickets::event::{Event, EventKind};
use crate::desk::tickets::ticket::Ticket;
use crate::desk::tools::custom_field::{CustomField, CustomFields, RequiredOn, ValueType};
use crate::desk::{HOUR, Millis};
use crate::edge::db::Stmt;
use crate::edge::ids;
use crate::http::error::Error;
use crate::store::tickets::subject::EventSubject;
use crate::store::tickets::write;
use crate::store::tickets::write::story::Story;
use crate::store::tools::custom_fields::{self, NewField};
use crate::store::tools::macros::{self, NewMacro};
use crate::store::tools::ratings;
use crate::store::tools::views::{self, NewView};

/// The fields: key, name, options, and whether customers see it.
const FIELDS: [(&str, &str, &[&str], bool); 2] = [
    ("product", "Product", &["Web app", "Phone app", "Printer"], true),
    ("impact", "Impact", &["One person", "A team", "Everybody"], false),
];

/// What customers say with their ratings, by score.
const COMMENTS: [Option<&str>; 5] = [
    Some("It still happens."),
    Some("It took too long."),
    None,
    Some("Quick, thank you."),
    None,
];

/// The fields as tickets use them.
pub(super) fn fields() -> CustomFields {
    let field = |(key, _, options, is_public): &(&str, &str, &[&str], bool)| CustomField {
        key: (*key).to_owned(),
        value_type: ValueType::Select,
        options: options.iter().map(|option| (*option).to_owned()).collect(),
        project_id: None,
        required_on: RequiredOn::None,
        is_public: *is_public,
    };
    CustomFields(FIELDS.iter().map(field).collect())
}

/// The values of the ticket with this index; every third has none.
pub(super) fn values(at: usize) -> Map<String, Value> {
    let value = |(key, _, options, _): &(&str, &str, &[&str], bool)| {
        let option = options.get(at % options.len().max(1))?;
        Some(((*key).to_owned(), json!(option)))
    };
    let is_asked = !at.is_multiple_of(3);
    FIELDS.iter().filter(|_| is_asked).filter_map(value).collect()
}

/// The statements that create the fields, and a macro and a view that `owner` shares.
pub(super) fn stmts(app: &App, owner_id: i64) -> Result<Vec<Stmt>, Error> {
    let uid = || ids::new_uid(app.now).map_err(Error::Internal);
    let mut stmts = Vec::new();
    for (key, name, options, is_public) in FIELDS {
        let new = NewField {
            uid: uid()?,
            key: key.to_owned(),
            name: name.to_owned(),
            value_type: "select",
            options: json!(options).to_string(),
            project_id: None,
            required_on: "none",
            visible_to: if is_public { "all" } else { "staff" },
            position: None,
            now: app.now,
        };
        stmts.extend(custom_fields::insert(&new));
    }
    let solved = NewMacro {
        uid: uid()?,
        name: "Solved".to_owned(),
        body: Some(
            "Hi {{requester.first_name}}, {{ticket.number}} is solved. Please tell us if it comes back. {{agent.first_name}}"
                .to_owned(),
        ),
        is_internal: false,
        actions: json!([{"type": "set_status", "status": "resolved"}]).to_string(),
        shared: true,
        owner_id,
        now: app.now,
    };
    stmts.extend(macros::insert(&solved));
    let urgent = NewView {
        uid: uid()?,
        name: "Urgent and open".to_owned(),
        filter: json!({"priority": "urgent", "status": ["open", "assigned", "in_progress", "reopened"]})
            .to_string(),
        sort: Some("resolution_due_at".to_owned()),
        shared: true,
        owner_id,
        now: app.now,
    };
    stmts.extend(views::insert(&urgent));
    Ok(stmts)
}

/// The statements that rate a ticket that is done, as its index determines; two in three are rated.
pub(super) fn rate(ticket: &Ticket, at: usize, now: Millis) -> Vec<Stmt> {
    if !ticket.status.is_done() || at.is_multiple_of(3) {
        return Vec::new();
    }
    let score = [5, 4, 5, 2, 4, 5, 1, 3].get(at / 8 % 8).copied().unwrap_or(4);
    let comment = usize::try_from(score - 1).ok().and_then(|at| *COMMENTS.get(at)?);
    let now = now.saturating_add(2 * HOUR);
    let subject = EventSubject::Ticket(ticket.id);
    let event = Event {
        data: json!({"score": score}),
        ..Event::public(EventKind::TicketRated, Vec::new())
    };
    let mut story = Story::new(&subject);
    story.push(ratings::write(ticket, score, comment.map(str::to_owned), now));
    story.push_event(&subject, Some(ticket.requester_id), &event, now);
    write::change(ticket, ticket, story, now)
}
