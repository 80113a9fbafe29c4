//! Tickets from a file. A row whose `external_id` is known is there already, and is left as it is.

use crate::api::data::imports::report::Report;
use crate::api::data::imports::sheet::{Seen, Sheet, sorted};
use crate::api::data::imports::{Plan, lists};
use crate::app::call::Call;
use crate::desk::category::parse_slug;
use crate::desk::data::imported::{GivenTimes, parse_status, times};
use crate::desk::fold::caseless;
use crate::desk::person::{Role, split_name};
use crate::desk::tickets::policy::{self, Act};
use crate::desk::tickets::priority::Priority;
use crate::desk::tickets::status::Status;
use crate::desk::tickets::ticket::Ticket;
use crate::edge::db::{Batch, TextRow};
use crate::http::error::{Error, FieldErrorList};
use crate::http::input_values::Input;
use crate::http::shape::{Field, Kind, Shape, choices};
use crate::store::data::imports::people::{self as person_rows, ImportedPerson};
use crate::store::data::imports::tickets::{self as rows, ImportedTicket};
use crate::store::data::imports::{self as import_rows, ImportPlaceRow, StaffRow, Unique};
use crate::store::sql::rows::CountRow;

const LINE: Kind = Kind::Line { min: 1, max: 100 };

/// The columns of a file of tickets.
pub(super) const ROW: Shape = Shape {
    name: "ImportedTicket",
    fields: &[
        Field::required("title", Kind::Line { min: 3, max: 200 }, "").or(&["subject", "summary"]),
        Field::optional("description", Kind::Text { min: 1, max: 10_000 }, "").or(&[
            "initial_description",
            "body",
            "content",
            "message",
        ]),
        Field::required("requester_email", Kind::Email, "").or(&["customer_email", "requester", "email"]),
        Field::optional("requester_name", Kind::Line { min: 0, max: 200 }, "").or(&["customer_name", "name"]),
        Field::optional("external_id", LINE, "").or(&["number", "ticket_number", "ticket_id", "id"]),
        Field::optional("status", LINE, "").or(&["state"]),
        Field::optional("priority", Kind::Choice(&choices::PRIORITY), ""),
        Field::optional("category", LINE, "").or(&["category_id"]),
        Field::optional("subcategory", LINE, "").or(&["subcategory_id"]),
        Field::optional("department", LINE, ""),
        Field::optional("tags", Kind::Tags, "").or(&["tag", "labels"]),
        Field::optional("assignee_email", LINE, "").or(&["assignee", "assigned_to", "agent"]),
        Field::optional("created_at", Kind::Time, "").or(&["created"]),
        Field::optional("updated_at", Kind::Time, "").or(&["updated"]),
        Field::optional("first_responded_at", Kind::Time, ""),
        Field::optional("resolved_at", Kind::Time, "").or(&["solved_at", "resolved"]),
        Field::optional("closed_at", Kind::Time, "").or(&["closed"]),
    ],
};

/// What the rows refer to.
struct KnownRows {
    external_ids: Seen,
    emails: Seen,
    places: Vec<ImportPlaceRow>,
    staff: Vec<StaffRow>,
    auto_close_days: i64,
}

/// Decides about each row.
pub(super) async fn plan(call: &Call<'_>, sheet: &Sheet<'_>) -> Result<Plan, Error> {
    let mut report = Report::default();
    let mut good: Vec<(usize, Input)> = Vec::new();
    for (line, row) in sheet.rows() {
        match row {
            Ok(input) => good.push((line, input)),
            Err(why) => report.refuse(line, why),
        }
    }
    let known = find_known(call, &good).await?;
    let mut external_ids = Seen::default();
    let (mut tickets, mut people, mut new_emails) = (Vec::new(), Vec::new(), Seen::default());
    for (line, input) in good {
        let external_id = input.text("external_id");
        if external_id.as_ref().is_some_and(|id| known.external_ids.has(id)) {
            report.keep();
            continue;
        }
        let checked = external_id
            .as_ref()
            .map_or(Ok(()), |id| external_ids.check("external_id", id));
        let decided = checked.and_then(|()| decide(call, &known, &input, external_id));
        let ticket = match decided {
            Ok(ticket) => ticket,
            Err(why) => {
                report.refuse(line, why);
                continue;
            }
        };
        report.create();
        if let Some(id) = &ticket.external_id {
            external_ids.note(id, line);
        }
        if !known.emails.has(&ticket.requester) && !new_emails.has(&ticket.requester) {
            people.push(unknown_requester(call, &input)?);
            new_emails.note(&ticket.requester, line);
        }
        tickets.push(ticket);
    }
    // Lists go by ids: the oldest ticket gets the lowest one.
    let order = sorted(
        tickets
            .iter()
            .map(|ticket: &ImportedTicket| ticket.times.created_at),
    );
    let tickets: Vec<ImportedTicket> = order
        .into_iter()
        .filter_map(|at| tickets.get(at).cloned())
        .collect();
    let ids: Vec<String> = tickets
        .iter()
        .filter_map(|ticket| ticket.external_id.clone())
        .collect();
    let emails = new_emails.into_values();
    let mut stmts = Vec::new();
    stmts.extend(
        lists(&ids)
            .iter()
            .map(|list| Unique::TicketExternalId.expect_none(list)),
    );
    stmts.extend(lists(&emails).iter().map(|list| Unique::Email.expect_none(list)));
    stmts.extend(person_rows::insert(&people, call.now()));
    stmts.extend(rows::insert(
        &tickets,
        &call.uid_head()?,
        call.my_id()?,
        call.now(),
    ));
    Ok(Plan { stmts, report })
}

/// A requester whom nobody knows yet: a customer without a password, as when staff open a ticket for somebody.
fn unknown_requester(call: &Call, input: &Input) -> Result<ImportedPerson, Error> {
    let (first_name, last_name) = split_name(&input.text("requester_name").unwrap_or_default());
    Ok(ImportedPerson {
        uid: call.uid()?,
        email: input.required("requester_email"),
        username: None,
        first_name: first_name.chars().take(100).collect(),
        last_name: last_name.chars().take(100).collect(),
        role: Role::Customer,
        department: None,
        phone: None,
        external_id: None,
        created_at: call.now(),
    })
}

/// The ticket of a row, or what is wrong with it.
fn decide(
    call: &Call,
    known: &KnownRows,
    input: &Input,
    external_id: Option<String>,
) -> Result<ImportedTicket, FieldErrorList> {
    let wrong = |field: &str, why: &str| vec![(field.to_owned(), why.to_owned())];
    let status = match input.text("status") {
        None => Status::Open,
        Some(word) => parse_status(&word).ok_or_else(|| wrong("status", "is none that a ticket can have"))?,
    };
    let category = match input.text("category") {
        None => None,
        Some(name) => Some(
            known
                .place(&name, None)
                .ok_or_else(|| wrong("category", "names no category"))?,
        ),
    };
    let subcategory = match (input.text("subcategory"), category) {
        (None, _) => None,
        (Some(name), Some(category)) => Some(
            known
                .place(&name, Some(category))
                .ok_or_else(|| wrong("subcategory", "is not part of the ticket's category"))?,
        ),
        (Some(_), None) => return Err(wrong("subcategory", "is not part of the ticket's category")),
    };
    let assignee = match input.text("assignee_email") {
        None => None,
        Some(name) => {
            let name = caseless(name.trim());
            let person = known
                .staff
                .iter()
                .find(|row| row.email_key == name || row.username_key == name);
            Some(person.ok_or_else(|| wrong("assignee_email", "names no member of staff"))?)
        }
    };
    if let Some(person) = assignee {
        if person.is_active == 0 && !status.is_done() {
            return Err(wrong("assignee_email", "is no longer active"));
        }
        let (Ok(actor), Ok(role)) = (call.actor(), call.my_role()) else {
            return Err(wrong("assignee_email", "cannot be set"));
        };
        let act = if person.id == actor.id {
            Act::Take
        } else {
            Act::Assign
        };
        let relation = Ticket::new("", "", 0, call.now()).relation(&actor);
        policy::authorize(act, role, relation).map_err(|why| wrong("assignee_email", why))?;
    }
    let given = GivenTimes {
        created: input.time("created_at"),
        updated: input.time("updated_at"),
        responded: input.time("first_responded_at"),
        resolved: input.time("resolved_at"),
        closed: input.time("closed_at"),
    };
    let times = times(
        status,
        assignee.is_some(),
        &given,
        known.auto_close_days,
        call.now(),
    )
    .map_err(|(field, why)| wrong(field, why))?;
    let title = input.required("title");
    Ok(ImportedTicket {
        description: input.text("description").unwrap_or_else(|| title.clone()),
        title,
        priority: input
            .choice("priority")
            .and_then(Priority::parse)
            .unwrap_or(Priority::Medium),
        times,
        category_id: category,
        subcategory_id: subcategory,
        department: input.text("department"),
        tags: input.tags("tags").unwrap_or_default(),
        requester: caseless(&input.required("requester_email")),
        assignee_id: assignee.map(|person| person.id),
        external_id,
    })
}

impl KnownRows {
    /// The id of a category, or of a part of one, by its slug, name or id.
    fn place(&self, name: &str, within: Option<i64>) -> Option<i64> {
        let (slug, same, id) = (
            parse_slug(name),
            caseless(name.trim()),
            name.trim().parse::<i64>().ok(),
        );
        let is_meant = |place: &&ImportPlaceRow| {
            place.category_id == within
                && (Some(place.id) == id
                    || Some(&place.slug) == slug.as_ref()
                    || caseless(&place.name) == same)
        };
        self.places.iter().find(is_meant).map(|place| place.id)
    }
}

async fn find_known(call: &Call<'_>, good: &[(usize, Input)]) -> Result<KnownRows, Error> {
    let texts =
        |name: &str| -> Vec<String> { good.iter().filter_map(|(_, input)| input.text(name)).collect() };
    let names = |name: &str| -> Vec<String> {
        let mut all = Seen::default();
        for text in texts(name) {
            all.note(&caseless(text.trim()), 0);
        }
        all.into_values()
    };
    let mut batch = Batch::new();
    let places = batch.add::<ImportPlaceRow>(import_rows::places());
    let days = batch.add::<CountRow>(import_rows::auto_close_days());
    let mut find = |unique: Unique, values: &[String]| -> Vec<_> {
        lists(values)
            .iter()
            .map(|list| batch.add::<TextRow>(unique.find(list)))
            .collect()
    };
    let external_ids = find(Unique::TicketExternalId, &texts("external_id"));
    let emails = find(Unique::Email, &names("requester_email"));
    let staff: Vec<_> = lists(&names("assignee_email"))
        .iter()
        .map(|list| batch.add::<StaffRow>(import_rows::staff(list)))
        .collect();
    let found = call.read(batch).await?;
    let mut known = KnownRows {
        external_ids: Seen::default(),
        emails: Seen::default(),
        places: found.all(places)?,
        staff: Vec::new(),
        auto_close_days: found.require(days)?.n,
    };
    for slot in external_ids {
        known.external_ids.know(found.all(slot)?);
    }
    for slot in emails {
        known.emails.know(found.all(slot)?);
    }
    for slot in staff {
        known.staff.extend(found.all(slot)?);
    }
    Ok(known)
}
