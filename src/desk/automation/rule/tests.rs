use super::*;

use serde_json::json;

use crate::desk::automation::condition::tests::Known;

/// A target that records actions and applies tags.
struct Recorder {
    facts: Known,
    done: Vec<String>,
}

impl Facts for Recorder {
    fn get(&self, field: &str) -> Option<Value> {
        self.facts.get(field)
    }
    fn before(&self, field: &str) -> Option<Value> {
        self.facts.before(field)
    }
}

impl ActionTarget for Recorder {
    fn execute(&mut self, rule: &Rule, action: &Action) -> Result<(), String> {
        match action {
            Action::AddTag(tag) => self.facts.now["tags"] = json!([tag]),
            Action::SetStatus(status) => self.facts.now["status"] = json!(status.as_str()),
            Action::Escalate => return Err("it is urgent already".to_owned()),
            _ => {}
        }
        self.done.push(format!("{} {}", rule.id, action.as_str()));
        Ok(())
    }
}

fn target(now: Value, before: Value) -> Recorder {
    Recorder {
        facts: Known { now, before },
        done: Vec::new(),
    }
}

fn rule(id: i64, position: i64, trigger: Value, conditions: Value, actions: Value) -> Rule {
    let definition = RuleDefinition::parse(Some(&trigger), Some(&conditions), Some(&actions));
    Rule {
        id,
        name: format!("rule {id}"),
        is_active: true,
        position,
        stop: false,
        definition,
    }
}

fn tagging(id: i64, position: i64) -> Rule {
    rule(
        id,
        position,
        json!({"on": "ticket_updated"}),
        json!({}),
        json!([{"type": "add_tag", "tag": format!("t{id}")}]),
    )
}

#[test]
fn rules_act_in_order() {
    let mut stopping = tagging(4, 3);
    stopping.stop = true;
    let mut asleep = tagging(6, 0);
    asleep.is_active = false;
    let unmet = rule(
        7,
        0,
        json!({"on": "ticket_updated"}),
        json!({"all": [{"field": "tags", "op": "contains", "value": "x"}]}),
        json!([{"type": "escalate"}]),
    );
    let rules = [
        tagging(5, 4),
        tagging(3, 2),
        stopping,
        tagging(2, 2),
        tagging(1, -9),
        asleep,
        unmet,
    ];
    let mut target = target(json!({"tags": []}), json!({}));
    let runs = run_rules(
        &rules,
        &[TriggerKind::TicketUpdated, TriggerKind::Assigned],
        &mut target,
    );
    let ids: Vec<i64> = runs.iter().map(|run| run.rule.id).collect();
    assert_eq!(ids, [1, 7, 2, 3, 4]);
    assert_eq!(target.done, ["1 add_tag", "2 add_tag", "3 add_tag", "4 add_tag"]);
    assert_eq!(runs[1].outcome, RuleOutcome::Unmet);
}

#[test]
fn a_rule_may_run_for_its_own_trigger() {
    let away = Rule {
        is_active: false,
        ..tagging(1, 0)
    };
    let invalid = Rule {
        definition: Err(Vec::new()),
        ..tagging(1, 0)
    };
    for (rules, event, want) in [
        (vec![], TriggerKind::TicketUpdated, false),
        (vec![tagging(1, 0)], TriggerKind::TicketUpdated, true),
        (vec![tagging(1, 0)], TriggerKind::MessageAdded, false),
        (vec![away], TriggerKind::TicketUpdated, false),
        // What is wrong with it is recorded.
        (vec![tagging(1, 0), invalid], TriggerKind::MessageAdded, true),
    ] {
        assert_eq!(may_run(&rules, event), want, "{event:?} {rules:?}");
    }
}

#[test]
fn triggers_match_their_events() {
    let changed = (json!({"status": "closed"}), json!({"status": "open"}));
    let by = |role: &str, internal: bool| (json!({"author_role": role, "is_internal": internal}), json!({}));
    let sla = |target: &str| (json!({"sla_target": target}), json!({}));
    for (trigger, on, (now, before), want) in [
        (
            json!({"on": "status_changed"}),
            TriggerKind::StatusChanged,
            changed.clone(),
            true,
        ),
        (
            json!({"on": "status_changed"}),
            TriggerKind::TicketUpdated,
            changed.clone(),
            false,
        ),
        (
            json!({"on": "status_changed", "from": "open", "to": "closed"}),
            TriggerKind::StatusChanged,
            changed.clone(),
            true,
        ),
        (
            json!({"on": "status_changed", "from": "closed"}),
            TriggerKind::StatusChanged,
            changed.clone(),
            false,
        ),
        (
            json!({"on": "status_changed", "to": "open"}),
            TriggerKind::StatusChanged,
            changed,
            false,
        ),
        (
            json!({"on": "message_added"}),
            TriggerKind::MessageAdded,
            by("customer", false),
            true,
        ),
        (
            json!({"on": "message_added"}),
            TriggerKind::MessageAdded,
            by("agent", true),
            false,
        ),
        (
            json!({"on": "message_added", "internal": true}),
            TriggerKind::MessageAdded,
            by("agent", true),
            true,
        ),
        (
            json!({"on": "message_added", "internal": true}),
            TriggerKind::MessageAdded,
            by("agent", false),
            false,
        ),
        (
            json!({"on": "message_added", "by": "staff"}),
            TriggerKind::MessageAdded,
            by("admin", false),
            true,
        ),
        (
            json!({"on": "message_added", "by": "staff"}),
            TriggerKind::MessageAdded,
            by("customer", false),
            false,
        ),
        (
            json!({"on": "message_added", "by": "customer"}),
            TriggerKind::MessageAdded,
            by("customer", false),
            true,
        ),
        (
            json!({"on": "sla_breached"}),
            TriggerKind::SlaBreached,
            sla("response"),
            true,
        ),
        (
            json!({"on": "sla_breached", "target": "resolution"}),
            TriggerKind::SlaBreached,
            sla("response"),
            false,
        ),
        (
            json!({"on": "sla_at_risk", "target": "response"}),
            TriggerKind::SlaAtRisk,
            sla("response"),
            true,
        ),
        (
            json!({"on": "schedule"}),
            TriggerKind::Schedule,
            (json!({}), json!({})),
            true,
        ),
    ] {
        let rules = [rule(
            1,
            1,
            trigger.clone(),
            json!({}),
            json!([{"type": "add_note", "body": "x"}]),
        )];
        let mut target = target(now, before);
        assert_eq!(
            run_rules(&rules, &[on], &mut target).len(),
            usize::from(want),
            "{trigger}"
        );
        assert!(run_rules(&rules, &[], &mut target).is_empty());
    }
}

#[test]
fn rules_see_effects_but_are_not_triggered_by_them() {
    let close = rule(
        1,
        1,
        json!({"on": "ticket_updated"}),
        json!({}),
        json!([{"type": "set_status", "status": "closed"}]),
    );
    let is_closed = json!({"all": [{"field": "status", "op": "is", "value": "closed"}]});
    let has_changed = json!({"all": [{"field": "status", "op": "changed"}]});
    let note = json!([{"type": "add_note", "body": "x"}]);
    let rules = [
        close,
        rule(2, 2, json!({"on": "status_changed"}), json!({}), note.clone()),
        rule(3, 3, json!({"on": "ticket_updated"}), has_changed, note.clone()),
        rule(4, 4, json!({"on": "ticket_updated"}), is_closed, note),
    ];
    let mut target = target(json!({"status": "open"}), json!({"title": "old"}));
    run_rules(&rules, &[TriggerKind::TicketUpdated], &mut target);
    assert_eq!(target.done, ["1 set_status", "4 add_note"]);
}

#[test]
fn invalid_rules_and_refused_actions_are_reported() {
    let broken = rule(
        1,
        1,
        json!({"on": "ticket_updated"}),
        json!({}),
        json!([{"type": "gone"}]),
    );
    let escalate = rule(
        2,
        2,
        json!({"on": "ticket_updated"}),
        json!({}),
        json!([{"type": "escalate"}, {"type": "add_tag", "tag": "x"}]),
    );
    let rules = [broken, escalate];
    let mut target = target(json!({}), json!({}));
    let runs = run_rules(&rules, &[TriggerKind::TicketUpdated], &mut target);
    assert!(matches!(runs[0].outcome, RuleOutcome::Invalid(errors) if errors[0].0 == "actions[0].type"));
    let RuleOutcome::Acted(acted) = &runs[1].outcome else {
        panic!("it acts")
    };
    let refused: Vec<Option<&str>> = acted.iter().map(|(_, refused)| refused.as_deref()).collect();
    assert_eq!(refused, [Some("it is urgent already"), None]);
}

#[test]
fn the_work_is_bounded() {
    let ten = json!(vec![json!({"type": "add_note", "body": "x"}); 10]);
    let many: Vec<Rule> = (0..1_000)
        .map(|id| rule(id, 0, json!({"on": "ticket_updated"}), json!({}), ten.clone()))
        .collect();
    let mut target = target(json!({}), json!({}));
    let runs = run_rules(&many, &[TriggerKind::TicketUpdated], &mut target);
    assert_eq!(
        (runs.len(), target.done.len()),
        (MAX_RULES, MAX_ACTIONS_PER_CHANGE)
    );
}

#[test]
fn schedules_come_due() {
    let definition = RuleDefinition::parse(
        Some(&json!({"on": "schedule", "every_hours": 6})),
        None,
        Some(&json!([{"type": "escalate"}])),
    );
    let trigger = definition.expect("a plan").trigger;
    for (last, now, want) in [
        (None, 0, true),
        (Some(0), 6 * HOUR - 1, false),
        (Some(0), 6 * HOUR, true),
        (Some(Millis::MIN), Millis::MAX, true),
        (Some(Millis::MAX), Millis::MIN, false),
    ] {
        assert_eq!(trigger.is_due(last, now), want, "{last:?} {now}");
    }
}
