//! The SQL of a ticket: the parts that differ between readers, and the parts that depend on the current time.

use std::cell::OnceCell;

use crate::desk::person::Role;
use crate::desk::tickets::policy;
use crate::desk::tickets::status::{Lifecycle, Status};
use crate::store::sql::render::Selection;
use crate::store::sql::view::PERSON;
use crate::store::tickets::view::{LIST_ONLY, TICKET};

thread_local! {
    static ROWS: [OnceCell<String>; 2] = const { [const { OnceCell::new() }; 2] };
    static LIST_ROWS: [OnceCell<String>; 2] = const { [const { OnceCell::new() }; 2] };
}

/// The SQL of the text of a row with all fields of a [`TICKET`], for a reader of this role.
pub fn ticket_row(role: Role) -> String {
    let internal = policy::may_read_internal(role);
    ROWS.with(|[customers, staff]| {
        let cell = if internal { staff } else { customers };
        cell.get_or_init(|| selected_row(&Selection::all(&TICKET), role))
            .clone()
    })
}

/// The fields of a list that is not asked for some.
pub fn list_fields() -> Selection {
    let fields = TICKET.fields.iter().chain(LIST_ONLY);
    Selection::of(fields, |name| name != "last_message")
}

/// The SQL of the text of a row with these fields, for a reader of this role. People in copy would be looked up for every
/// ticket, and are null.
pub fn list_row(role: Role) -> String {
    let internal = policy::may_read_internal(role);
    LIST_ROWS.with(|[customers, staff]| {
        let cell = if internal { staff } else { customers };
        let row = || selected(list_fields().sql().replace("$CC", "NULL"), role);
        cell.get_or_init(row).clone()
    })
}

/// The SQL of the text of a row with the selected fields of a [`TICKET`] or a [`TICKET_ROW`], for a reader of this
/// role.
///
/// [`TICKET_ROW`]: crate::store::tickets::view::TICKET_ROW
pub fn selected_row(selection: &Selection, role: Role) -> String {
    selected(selection.sql(), role)
}

fn selected(sql: String, role: Role) -> String {
    let internal = policy::may_read_internal(role);
    let message = if internal { "" } else { " AND m.is_internal = 0" };
    for_role(sql, role)
        // Of customers the requester only: another one may read the ticket since a merge.
        .replace(
            "$OWN_EMAIL",
            if internal {
                "t.contact_email"
            } else {
                "iif(t.requester_id=?3,t.contact_email,NULL)"
            },
        )
        // Numbers are bound as REAL.
        .replace("$NOW", "CAST(?1 AS INTEGER)")
        .replace("$REOPEN_SINCE", "CAST(?2 AS INTEGER)")
        .replace("$UNREAD", &unread(internal))
        .replace("$IS_STAFF", if internal { "1" } else { "0" })
        .replace(
            "$LAST_MESSAGE",
            &format!(
                "(SELECT json_array(m.created_at,json_array(w.{}),m.is_internal,substr(m.body,1,{EXCERPT})) FROM messages m \
                 JOIN users w ON w.id=m.author_id WHERE m.ticket_id=t.id AND m.deleted_at IS NULL{message} ORDER BY m.position DESC LIMIT 1)",
                PERSON.join(",w.")
            ),
        )
}

/// SQL: the JSON list of who is in copy of the ticket `t`.
pub(in crate::store) const CC: &str = "(SELECT json_group_array(json_object('email',c.address,'name',c.name) \
  ORDER BY c.added_at,c.address) FROM ticket_addresses c WHERE c.ticket_id=t.id AND c.kind='cc' AND c.left_at IS NULL)";

/// SQL: the values of custom fields of the ticket `t`, without those of fields that are hidden from all. A null in a patch
/// takes a value out (RFC 7396). Without values no field is looked up.
const CUSTOM_FOR_STAFF: &str = "iif(t.custom_fields='{}','{}',json_patch(t.custom_fields,\
  (SELECT json_group_object(key,NULL) FROM custom_fields WHERE is_active=0)))";

/// Like [`CUSTOM_FOR_STAFF`], without those of fields that are for staff.
const CUSTOM_FOR_CUSTOMERS: &str = "iif(t.custom_fields='{}','{}',json_patch(t.custom_fields,\
  (SELECT json_group_object(key,NULL) FROM custom_fields WHERE is_active=0 OR visible_to='staff')))";

/// SQL: whether the reader `?3` has not seen the last event of the ticket `t` that the reader may see. One's own acts are
/// never news.
fn unread(internal: bool) -> String {
    let (last, event) = if internal {
        ("t.seq", "e.seq = t.seq")
    } else {
        (
            "t.public_seq",
            "e.public_seq IS NOT NULL ORDER BY e.seq DESC LIMIT 1",
        )
    };
    format!(
        "({last} > coalesce((SELECT seq FROM ticket_seen WHERE user_id = ?3 AND ticket_id = t.id), 0) \
         AND coalesce((SELECT e.actor_id IS NOT ?3 FROM events e WHERE e.ticket_id = t.id AND {event}), 1))"
    )
}

/// How many characters of the last message a list shows.
const EXCERPT: usize = 160;

/// The SQL that builds the JSON of a [`TICKET`] for a reader of this role.
pub fn ticket_json(role: Role) -> String {
    for_role(TICKET.sql(), role)
        .replace("$OWN_EMAIL", "t.contact_email")
        .replace("$SLA", &sla_json())
        .replace("$TRANSITIONS", &unless_merged(&transitions_json(role)))
}

fn for_role(sql: String, role: Role) -> String {
    let internal = policy::may_read_internal(role);
    let pick = |staff, customer| if internal { staff } else { customer };
    let card = pick(
        "substr(card,1,length(card)-1)||',\"email\":'||json_quote(email)||'}'",
        "card",
    );
    sql.replace(
        "$PROJECT",
        "iif(t.project_id IS NULL,NULL,substr(t.key,1,instr(t.key,'-')-1))",
    )
    .replace("$CONTACT", pick(",email", ""))
    .replace("$CARD", card)
    .replace("$CC", pick(CC, "'[]'"))
    .replace("$CUSTOM", pick(CUSTOM_FOR_STAFF, CUSTOM_FOR_CUSTOMERS))
    .replace("$UPDATED", pick("t.updated_at", "t.public_updated_at"))
    .replace("$MESSAGES", pick("t.message_count", "t.public_message_count"))
    .replace(
        "$ATTACHMENTS",
        pick("t.attachment_count", "t.public_attachment_count"),
    )
}

pub(super) fn sla_json() -> String {
    let [response, resolution] = sla_states();
    format!("'{{\"response\":\"'||({response})||'\",\"resolution\":\"'||({resolution})||'\"}}'")
}

/// `sla::state` in SQL, for the first response and for the resolution; a test checks that both give the same results.
pub(in crate::store) fn sla_states() -> [String; 2] {
    let state = |done: &str, due: &str, risk: &str, clock: &str, paused: &str| {
        format!(
            "CASE WHEN {due} IS NULL THEN 'ok' WHEN {done} IS NOT NULL THEN iif({done} <= {due},'met','missed') \
             WHEN {clock} > {due} THEN 'breached' WHEN {paused} THEN 'paused' WHEN {clock} >= {risk} THEN 'at_risk' ELSE 'ok' END"
        )
    };
    let response = state(
        // Resolving a ticket counts as a response; a response after the resolution does not make the response time
        // later.
        "coalesce(min(t.first_responded_at,t.resolved_at),t.first_responded_at,t.resolved_at)",
        "t.first_response_due_at",
        "t.first_response_risk_at",
        "?1",
        "0",
    );
    let resolution = state(
        "t.resolved_at",
        "t.resolution_due_at",
        "t.resolution_risk_at",
        "coalesce(t.paused_at,?1)",
        "t.paused_at IS NOT NULL",
    );
    [response, resolution]
}

/// Nothing follows for a ticket that was merged into another one.
fn unless_merged(transitions: &str) -> String {
    format!(
        "iif(t.status='closed' AND EXISTS (SELECT 1 FROM ticket_merges WHERE merged_id=t.id),'[]',{transitions})"
    )
}

/// `Ticket::transitions` in SQL, generated from the same lifecycle.
pub(super) fn transitions_json(role: Role) -> String {
    let mut sql = "CASE t.workflow||' '||t.status".to_owned();
    for workflow in Lifecycle::ALL {
        for from in Status::ALL {
            let next: Vec<Status> = workflow
                .next(from)
                .iter()
                .copied()
                .filter(|to| role.is_staff() || workflow.customer_may_set(from, *to))
                .collect();
            let list = |keep: &dyn Fn(Status) -> bool| {
                let words: Vec<&str> = next
                    .iter()
                    .filter(|to| keep(**to))
                    .map(|to| to.as_str())
                    .collect();
                if words.is_empty() {
                    "'[]'".to_owned()
                } else {
                    format!("'[\"{}\"]'", words.join("\",\""))
                }
            };
            let all = list(&|_| true);
            let value = if workflow == Lifecycle::Support && from == Status::Closed {
                format!(
                    "iif(t.closed_at>=?2,{all},{})",
                    list(&|to| to != workflow.reopen_status())
                )
            } else {
                all
            };
            sql.push_str(&format!(
                " WHEN '{} {}' THEN {value}",
                workflow.as_str(),
                from.as_str()
            ));
        }
    }
    sql.push_str(" ELSE '[]' END");
    sql
}
