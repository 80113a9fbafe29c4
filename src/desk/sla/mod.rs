//! The promises of the desk: when a ticket is answered and when it is solved.

pub mod calendar;
pub mod calendar_parse;

use crate::desk::sla::calendar::Calendar;
use crate::desk::tickets::priority::Priority;
use crate::desk::validation::Mistake;
use crate::desk::{DAY, HOUR, MINUTE, Millis};

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

    /// A policy of so many minutes.
    ///
    /// # Errors
    /// When a ticket would have to be resolved before it is answered.
    pub fn of_minutes(response: i64, resolution: i64) -> Result<Policy, Mistake> {
        if resolution < response {
            let message = "must not be shorter than first_response_minutes";
            return Err(("resolution_minutes".to_owned(), message.to_owned()));
        }
        Ok(Policy {
            response: response.saturating_mul(MINUTE),
            resolution: resolution.saturating_mul(MINUTE),
        })
    }
}

/// What is promised for one priority, and the hours that it is counted in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Promise {
    pub policy: Policy,
    pub calendar: Calendar,
    /// Rises with every change of the policy or of its calendar; a ticket keeps the one that it was promised by.
    pub version: i64,
}

/// Every promise of the desk, in the order of [`Priority::ALL`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Promises(pub [Promise; 4]);

impl Promises {
    /// The standard policies around the clock. Tickets that were promised by them are promised anew as soon as
    /// the desk's own are known: their version is below every other.
    pub fn standard() -> Promises {
        Promises(Priority::ALL.map(|priority| Promise {
            policy: Policy::standard(priority),
            calendar: Calendar::always(),
            version: 0,
        }))
    }

    /// Promises something else for a priority.
    pub fn set(&mut self, priority: Priority, promise: Promise) {
        let Promises([low, medium, high, urgent]) = self;
        *match priority {
            Priority::Low => low,
            Priority::Medium => medium,
            Priority::High => high,
            Priority::Urgent => urgent,
        } = promise;
    }

    /// What is promised for a priority.
    pub fn of(&self, priority: Priority) -> &Promise {
        let Promises([low, medium, high, urgent]) = self;
        match priority {
            Priority::Low => low,
            Priority::Medium => medium,
            Priority::High => high,
            Priority::Urgent => urgent,
        }
    }
}

/// A stretch of time for which a ticket's resolution clock stood still: since, until.
pub type Pause = (Millis, Millis);

impl Promise {
    /// The due times of a ticket, and the working time for which its resolution clock has stood still.
    pub fn targets(&self, created_at: Millis, pauses: &[Pause]) -> (Targets, Millis) {
        let paused = pauses
            .iter()
            .map(|(since, until)| self.calendar.between(*since, *until))
            .fold(0, Millis::saturating_add);
        (targets(self.policy, &self.calendar, created_at, paused), paused)
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

/// What is promised.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Target {
    /// The first public answer.
    Response,
    /// The solution.
    Resolution,
}

impl Target {
    /// Both.
    pub const ALL: [Target; 2] = [Target::Response, Target::Resolution];

    /// The canonical word.
    pub fn word(self) -> &'static str {
        match self {
            Target::Response => "response",
            Target::Resolution => "resolution",
        }
    }
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
    fn policies_are_counted_in_minutes() {
        let policy = Policy {
            response: HOUR,
            resolution: 2 * HOUR,
        };
        assert_eq!(Policy::of_minutes(60, 120), Ok(policy));
        assert!(Policy::of_minutes(60, 60).is_ok());
        assert!(Policy::of_minutes(61, 60).is_err());
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
        let promise = Promise {
            policy: Policy {
                response: 5 * HOUR,
                resolution: 10 * HOUR,
            },
            calendar,
            version: 1,
        };
        // An hour on Friday, nothing over the weekend, and Monday from ten to closing time.
        let pauses = [
            (at("2026-03-27T16:00:00+01:00"), at("2026-03-29T20:00:00+02:00")),
            (at("2026-03-30T10:00:00+02:00"), at("2026-03-30T20:00:00+02:00")),
        ];
        let want = Targets {
            first_response_due_at: at("2026-03-30T13:00:00+02:00"),
            first_response_at_risk_at: at("2026-03-30T12:00:00+02:00"),
            resolution_due_at: at("2026-04-01T10:00:00+02:00"),
            resolution_at_risk_at: at("2026-03-31T16:00:00+02:00"),
        };
        assert_eq!(promise.targets(created, &pauses), (want, 8 * HOUR));
        let around_the_clock = Promise {
            calendar: Calendar::always(),
            ..promise
        };
        let (targets, paused) = around_the_clock.targets(created, &pauses);
        assert_eq!(paused, 61 * HOUR);
        assert_eq!(targets.resolution_due_at, created + 71 * HOUR);
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
