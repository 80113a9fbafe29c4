use super::*;

use crate::desk::automation::references::tests::references;
use crate::desk::automation::rule::{RuleDefinition, run_rules};
use crate::desk::sla::SlaPolicies;
use crate::desk::tickets::ticket::{NamedRow, Person};
use crate::desk::tools::custom_field::CustomValues;

fn rules() -> TicketSettings {
    TicketSettings {
        reopen_window_days: 7,
        sla_policies: std::rc::Rc::new(SlaPolicies::standard()),
        custom_fields: std::rc::Rc::default(),
    }
}

fn ticket() -> Ticket {
    let mut ticket = Ticket::new("Invoice wrong", "Twice the sum", 9, 0);
    ticket.set_due_times(&rules());
    ticket
}

fn rule(id: i64, on: &str, conditions: Value, actions: Value) -> Rule {
    Rule {
        id,
        name: format!("r{id}"),
        is_active: true,
        position: id,
        stop: false,
        definition: RuleDefinition::parse(Some(&json!({"on": on})), Some(&conditions), Some(&actions)),
    }
}

/// Runs one rule without conditions: its effects, and the refusal reason of each action.
fn acted(left: &Ticket, actions: Value) -> (RunEffects, Vec<Option<String>>) {
    let (context, input) = (TicketContext::default(), TriggerInput::default());
    let (references, rules) = (references(), rules());
    let mut executor = Executor::new((None, left), (&context, &input), &references, &rules, 1_000);
    let list = [rule(1, "ticket_created", json!({}), actions)];
    let runs = run_rules(&list, &[TriggerKind::TicketCreated], &mut executor);
    let Some(crate::desk::automation::rule::RuleOutcome::Acted(acted)) =
        runs.first().map(|run| run.outcome.clone())
    else {
        panic!("it acts")
    };
    let refused = acted.into_iter().map(|(_, refused)| refused).collect();
    (executor.finish(), refused)
}

#[test]
fn actions_change_the_ticket_as_everybody_does() {
    let (done, refused) = acted(
        &ticket(),
        json!([
            {"type": "set_priority", "priority": "urgent"},
            {"type": "set_category", "category": "billing"},
            {"type": "assign", "to": 7},
            {"type": "add_tag", "tag": "vip"},
            {"type": "add_tag", "tag": "angry"},
            {"type": "remove_tag", "tag": "none"},
            {"type": "add_note", "body": "Hurry"},
            {"type": "set_status", "status": "in_progress"},
            {"type": "send_notification", "to": "managers", "message": "x"},
        ]),
    );
    assert_eq!(refused, vec![None; 9]);
    let after = &done.ticket;
    assert_eq!(after.priority, Priority::Urgent);
    assert_eq!(after.category.as_ref().map(|named| named.id), Some(2));
    assert_eq!(after.assignee.as_ref().map(|person| person.id), Some(7));
    assert_eq!(after.tags, ["angry", "vip"]);
    assert_eq!(after.status, Status::InProgress);
    assert_eq!(after.first_response_due_at, Some(2 * HOUR));
    assert_eq!(done.steps.len(), 1);
    assert_eq!(done.steps[0].notes, ["Hurry"]);
    assert_eq!((&done.steps[0].before, &done.steps[0].after), (&ticket(), after));
}

#[test]
fn forbidden_actions_are_refused() {
    let given = Ticket {
        assignee: Some(Person {
            id: 7,
            card: Value::Null,
        }),
        status: Status::Assigned,
        ..ticket()
    };
    let full = Ticket {
        tags: (0..20).map(|at| format!("t{at:02}")).collect(),
        ..ticket()
    };
    for (left, action, want) in [
        (
            ticket(),
            json!({"type": "set_status", "status": "waiting"}),
            Some("a ticket that is open cannot become waiting"),
        ),
        (
            ticket(),
            json!({"type": "set_status", "status": "assigned"}),
            Some("nobody is assigned"),
        ),
        (ticket(), json!({"type": "set_status", "status": "open"}), None),
        (
            ticket(),
            json!({"type": "assign", "to": 8}),
            Some("this is no active agent"),
        ),
        (
            ticket(),
            json!({"type": "assign", "to": 9}),
            Some("this is no active agent"),
        ),
        (ticket(), json!({"type": "assign", "to": "least_loaded"}), None),
        (
            given,
            json!({"type": "assign", "to": "least_loaded"}),
            Some("the ticket is assigned already"),
        ),
        (
            ticket(),
            json!({"type": "set_category", "category": "old"}),
            Some("this is no active category"),
        ),
        (
            full.clone(),
            json!({"type": "add_tag", "tag": "more"}),
            Some("a ticket has at most 20 tags"),
        ),
        (full, json!({"type": "add_tag", "tag": "t03"}), None),
    ] {
        let (_, refused) = acted(&left, json!([action]));
        assert_eq!(refused, [want.map(str::to_owned)], "{action}");
    }
}

#[test]
fn escalation_ends_at_urgent() {
    for (from, want) in [
        (Priority::Low, Priority::Medium),
        (Priority::Medium, Priority::High),
        (Priority::High, Priority::Urgent),
        (Priority::Urgent, Priority::Urgent),
    ] {
        let left = Ticket {
            priority: from,
            ..ticket()
        };
        let (done, refused) = acted(&left, json!([{"type": "escalate"}]));
        assert_eq!((done.ticket.priority, refused), (want, vec![None]));
    }
}

#[test]
fn a_named_agent_replaces_automatic_assignment() {
    for (actions, want) in [
        (json!([{"type": "assign", "to": "least_loaded"}]), Some(1)),
        (
            json!([{"type": "assign", "to": "least_loaded"}, {"type": "assign", "to": 7}]),
            None,
        ),
        (
            json!([{"type": "assign", "to": "least_loaded"}, {"type": "add_tag", "tag": "x"}]),
            Some(1),
        ),
    ] {
        assert_eq!(acted(&ticket(), actions).0.auto_assign_rule, want);
    }
}

#[test]
fn facts_have_values_before_and_after() {
    let before = ticket();
    let left = Ticket {
        category: Some(NamedRow {
            id: 2,
            name: "billing".to_owned(),
        }),
        custom_fields: CustomValues {
            values: std::iter::once(("size".to_owned(), json!("XL"))).collect(),
            index: None,
        },
        ..ticket()
    };
    let context: TicketContext = serde_json::from_value(json!({
        "channel": "mail", "message_count": 3, "attachment_count": 0, "updated_at": 0,
        "message": null,
        "requester": {"id": 9, "uid": "u", "name": "cat@example.com"},
    }))
    .unwrap();
    let input = TriggerInput {
        actor_role: Some(Role::Agent),
        message: Some(RuleMessage {
            body: "Hello".to_owned(),
            is_internal: false,
            author_role: "agent".to_owned(),
        }),
        ..TriggerInput::default()
    };
    let (references, rules) = (references(), rules());
    let executor = Executor::new(
        (Some(&before), &left),
        (&context, &input),
        &references,
        &rules,
        HOUR / 2,
    );
    for (field, want) in [
        ("title", json!("Invoice wrong")),
        ("assignee", json!(null)),
        ("channel", json!("mail")),
        ("custom_fields.size", json!("XL")),
        ("custom.size", json!("XL")),
        ("hours_since_created", json!(0.5)),
        ("sla_response", json!("ok")),
        ("body", json!("Hello")),
        ("actor_role", json!("agent")),
    ] {
        assert_eq!(executor.get(field), Some(want), "{field}");
    }
    assert_eq!(executor.get("category").unwrap()["name"], "billing");
    assert_eq!(executor.get("requester").unwrap()["name"], "cat@example.com");
    assert_eq!(executor.get("custom_fields.none"), None);
    assert_eq!(executor.before("category"), Some(Value::Null));
    assert_eq!(executor.before("status"), None);
    for (field, ..) in crate::desk::automation::fields::FIELDS {
        assert!(executor.get(field).is_some(), "{field}");
    }
}

#[test]
fn changes_have_their_triggers() {
    let given = Ticket {
        assignee: Some(Person {
            id: 7,
            card: Value::Null,
        }),
        status: Status::Assigned,
        ..ticket()
    };
    let tagged = Ticket {
        tags: vec!["x".to_owned()],
        ..ticket()
    };
    for (before, after, want) in [
        (None, ticket(), vec![TriggerKind::TicketCreated]),
        (
            None,
            given.clone(),
            vec![TriggerKind::TicketCreated, TriggerKind::Assigned],
        ),
        (Some(ticket()), ticket(), vec![]),
        (Some(ticket()), tagged, vec![TriggerKind::TicketUpdated]),
        (
            Some(ticket()),
            given.clone(),
            vec![
                TriggerKind::TicketUpdated,
                TriggerKind::StatusChanged,
                TriggerKind::Assigned,
            ],
        ),
        (
            Some(given),
            ticket(),
            vec![TriggerKind::TicketUpdated, TriggerKind::StatusChanged],
        ),
    ] {
        assert_eq!(detect_triggers(before.as_ref(), &after), want);
    }
}

#[test]
fn later_rules_see_what_earlier_ones_did() {
    let left = ticket();
    let (context, input) = (TicketContext::default(), TriggerInput::default());
    let (references, rules) = (references(), rules());
    let mut executor = Executor::new((None, &left), (&context, &input), &references, &rules, 0);
    let list = [
        rule(
            1,
            "ticket_created",
            json!({}),
            json!([{"type": "set_category", "category": "billing"}]),
        ),
        rule(
            2,
            "ticket_created",
            json!({"all": [{"field": "category", "op": "is", "value": "billing"}]}),
            json!([{"type": "add_tag", "tag": "money"}, {"type": "add_note", "body": "n"}]),
        ),
        rule(3, "assigned", json!({}), json!([{"type": "escalate"}])),
    ];
    let triggered = run_rules(&list, &detect_triggers(None, &left), &mut executor).len();
    let done = executor.finish();
    assert_eq!((triggered, done.steps.len()), (2, 2));
    assert_eq!(
        diff(&done.steps[0].before, &done.steps[0].after)[0].field,
        "category"
    );
    assert_eq!(diff(&done.steps[1].before, &done.steps[1].after)[0].field, "tags");
    assert_eq!(done.steps[1].notes, ["n"]);
}
