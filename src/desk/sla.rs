//! The promises of the desk: when a ticket is answered and when it is solved.

use super::calendar::Calendar;
use super::priority::Priority;
use super::{DAY, HOUR, Millis};

/// How much working time the desk takes at most, in milliseconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Policy {
    /// Until the first public answer of the staff.
    pub response: Millis,
    /// Until the ticket is resolved.
    pub resolution: Millis,
}

impl Policy {
    /// What is promised where nothing else is written. A day is 24 hours of working time.
    pub const fn standard(priority: Priority) -> Policy {
        let (response, resolution) = match priority {
            Priority::Low => (24 * HOUR, 10 * DAY),
            Priority::Medium => (8 * HOUR, 5 * DAY),
            Priority::High => (4 * HOUR, 48 * HOUR),
            Priority::Urgent => (2 * HOUR, 24 * HOUR),
        };
        Policy { response, resolution }
    }
}

/// The moments that a ticket's promises lead to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Targets {
    pub first_response_due_at: Millis,
    pub first_response_at_risk_at: Millis,
    pub resolution_due_at: Millis,
    pub resolution_at_risk_at: Millis,
}

/// When a ticket is due. It is at risk when 80 % of the promised working time is used. `paused` is the
/// working time for which its resolution clock stood still; the response clock never does.
pub fn targets(policy: Policy, calendar: &Calendar, created_at: Millis, paused: Millis) -> Targets {
    let after = |working: Millis| calendar.add(created_at, working);
    Targets {
        first_response_due_at: after(policy.response),
        first_response_at_risk_at: after(most_of(policy.response)),
        resolution_due_at: after(policy.resolution.saturating_add(paused)),
        resolution_at_risk_at: after(most_of(policy.resolution).saturating_add(paused)),
    }
}

/// 80 %.
fn most_of(working: Millis) -> Millis {
    working.saturating_sub(working / 5)
}

/// The working time for which a ticket has stood still in all, when its pause since `paused_at` ends now.
pub fn resumed(calendar: &Calendar, paused: Millis, paused_at: Millis, now: Millis) -> Millis {
    paused.saturating_add(calendar.between(paused_at, now))
}

/// How a promise is doing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum State {
    /// There is time.
    Ok,
    /// Most of the time is used.
    AtRisk,
    /// It is overdue, and still to do.
    Breached,
    /// The clock stands still.
    Paused,
    /// It was done in time.
    Met,
    /// It was done too late.
    Missed,
}

impl State {
    /// Every state.
    pub const ALL: [State; 6] = [
        State::Ok,
        State::AtRisk,
        State::Breached,
        State::Paused,
        State::Met,
        State::Missed,
    ];
    /// The canonical words, in the order of [`State::ALL`].
    pub const WORDS: [&'static str; 6] = ["ok", "at_risk", "breached", "paused", "met", "missed"];

    /// The canonical word.
    pub fn word(self) -> &'static str {
        match self {
            State::Ok => "ok",
            State::AtRisk => "at_risk",
            State::Breached => "breached",
            State::Paused => "paused",
            State::Met => "met",
            State::Missed => "missed",
        }
    }

    /// Reads a word in any case.
    pub fn parse(word: &str) -> Option<State> {
        let word = word.trim().to_ascii_lowercase();
        State::ALL.into_iter().find(|state| state.word() == word)
    }
}

/// How a promise is doing at `now`. Due moments belong to the time in which it is kept. `paused_at` is for
/// the resolution only, `None` for the response: a pause stops the clock at its beginning, so what was
/// overdue then stays breached.
pub fn state(
    due_at: Millis,
    at_risk_at: Millis,
    done_at: Option<Millis>,
    paused_at: Option<Millis>,
    now: Millis,
) -> State {
    let clock = paused_at.unwrap_or(now);
    match done_at {
        Some(done) if done <= due_at => State::Met,
        Some(_) => State::Missed,
        None if clock > due_at => State::Breached,
        None if paused_at.is_some() => State::Paused,
        None if clock >= at_risk_at => State::AtRisk,
        None => State::Ok,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn words_and_states_agree() {
        for (state, word) in State::ALL.into_iter().zip(State::WORDS) {
            assert_eq!(state.word(), word);
            assert_eq!(State::parse(&word.to_uppercase()), Some(state));
        }
        assert_eq!(State::parse("late"), None);
    }

    #[test]
    fn the_standard_promises_are_kept_around_the_clock() {
        for (priority, response, resolution) in [
            (Priority::Urgent, 2, 24),
            (Priority::High, 4, 48),
            (Priority::Medium, 8, 120),
            (Priority::Low, 24, 240),
        ] {
            let targets = targets(Policy::standard(priority), &Calendar::always(), 1_000, 500);
            let want = Targets {
                first_response_due_at: 1_000 + response * HOUR,
                first_response_at_risk_at: 1_000 + response * HOUR / 5 * 4,
                resolution_due_at: 1_500 + resolution * HOUR,
                resolution_at_risk_at: 1_500 + resolution * HOUR / 5 * 4,
            };
            assert_eq!(targets, want, "{priority:?}");
        }
    }

    #[test]
    fn promises_follow_the_calendar() {
        let day = ["09:00-17:00"];
        let calendar = Calendar::parse(&json!({
            "time_zone": "Europe/Berlin",
            "hours": {"mon": day, "tue": day, "wed": day, "thu": day, "fri": day},
        }))
        .expect("a calendar");
        let at = |text: &str| {
            chrono::DateTime::parse_from_rfc3339(text)
                .expect("a time")
                .timestamp_millis()
        };
        // Friday 16:00 before the clocks change.
        let created = at("2026-03-27T16:00:00+01:00");
        let policy = Policy {
            response: 5 * HOUR,
            resolution: 10 * HOUR,
        };
        let paused = resumed(
            &calendar,
            HOUR,
            at("2026-03-30T10:00:00+02:00"),
            at("2026-03-30T20:00:00+02:00"),
        );
        assert_eq!(paused, 8 * HOUR);
        let want = Targets {
            first_response_due_at: at("2026-03-30T13:00:00+02:00"),
            first_response_at_risk_at: at("2026-03-30T12:00:00+02:00"),
            resolution_due_at: at("2026-04-01T10:00:00+02:00"),
            resolution_at_risk_at: at("2026-03-31T16:00:00+02:00"),
        };
        assert_eq!(targets(policy, &calendar, created, paused), want);
    }

    #[test]
    fn states_are_decided() {
        for (done_at, paused_at, now, want) in [
            (None, None, 79, State::Ok),
            (None, None, 80, State::AtRisk),
            (None, None, 100, State::AtRisk),
            (None, None, 101, State::Breached),
            (None, Some(10), 50, State::Paused),
            (None, Some(90), 5_000, State::Paused),
            (None, Some(101), 5_000, State::Breached),
            (Some(100), None, 5_000, State::Met),
            (Some(101), None, 5_000, State::Missed),
            (Some(50), Some(60), 70, State::Met),
            (Some(500), Some(60), 700, State::Missed),
        ] {
            assert_eq!(
                state(100, 80, done_at, paused_at, now),
                want,
                "{done_at:?} {paused_at:?} {now}"
            );
        }
    }

    #[test]
    fn extremes_do_not_overflow() {
        let policy = Policy {
            response: Millis::MAX,
            resolution: Millis::MAX,
        };
        let targets = targets(policy, &Calendar::always(), Millis::MAX, Millis::MAX);
        assert_eq!(targets.resolution_due_at, Millis::MAX);
    }
}
