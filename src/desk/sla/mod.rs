//! Service levels: when is a ticket due, and was it handled in time?
//!
//! Due times are computed here once, and stored with the ticket; the state (`ok`, `at_risk`, `breached` ...) is derived
//! from them at any time. `calendar` counts working time, `calendar_parse` validates what admins write.
//!
//! Nothing here knows when to warn or whom: warnings are a job in `src/jobs/sla_warnings.rs`.

pub mod calendar;
pub mod calendar_parse;

use crate::desk::sla::calendar::Calendar;
use crate::desk::tickets::priority::Priority;
use crate::desk::validation::FieldError;
use crate::desk::{DAY, HOUR, MINUTE, Millis};

/// The targets of a priority, in milliseconds of working time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SlaDurations {
    /// Until the first public reply by staff.
    pub response: Millis,
    /// Until the ticket is resolved.
    pub resolution: Millis,
}

impl SlaDurations {
    /// The defaults where no policy is stored. A day is 24 hours of working time.
    pub const fn standard(priority: Priority) -> SlaDurations {
        let (response, resolution) = match priority {
            Priority::Low => (24 * HOUR, 10 * DAY),
            Priority::Medium => (8 * HOUR, 5 * DAY),
            Priority::High => (4 * HOUR, 48 * HOUR),
            Priority::Urgent => (2 * HOUR, 24 * HOUR),
        };
        SlaDurations { response, resolution }
    }

    /// From minutes, as policies are written.
    ///
    /// # Errors
    /// When the resolution target is shorter than the response target.
    pub fn from_minutes(response: i64, resolution: i64) -> Result<SlaDurations, FieldError> {
        if resolution < response {
            let message = "must not be shorter than first_response_minutes";
            return Err(("resolution_minutes".to_owned(), message.to_owned()));
        }
        Ok(SlaDurations {
            response: response.saturating_mul(MINUTE),
            resolution: resolution.saturating_mul(MINUTE),
        })
    }
}

/// The targets of one priority, and the calendar that they are counted in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SlaPolicy {
    pub policy: SlaDurations,
    pub calendar: Calendar,
    /// Rises with every change of the policy or its calendar. A ticket stores the version that its due times come from.
    pub version: i64,
}

/// The policy of every priority, in the order of [`Priority::ALL`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SlaPolicies(pub [SlaPolicy; 4]);

impl SlaPolicies {
    /// The defaults, around the clock. Their version 0 is lower than any stored one and so marks due times as outdated:
    /// they are recomputed once the stored policies are known.
    pub fn standard() -> SlaPolicies {
        SlaPolicies(Priority::ALL.map(|priority| SlaPolicy {
            policy: SlaDurations::standard(priority),
            calendar: Calendar::always(),
            version: 0,
        }))
    }

    /// Replaces the policy of a priority.
    pub fn set(&mut self, priority: Priority, sla_policy: SlaPolicy) {
        let SlaPolicies([low, medium, high, urgent]) = self;
        *match priority {
            Priority::Low => low,
            Priority::Medium => medium,
            Priority::High => high,
            Priority::Urgent => urgent,
        } = sla_policy;
    }

    /// The policy of a priority.
    pub fn for_priority(&self, priority: Priority) -> &SlaPolicy {
        let SlaPolicies([low, medium, high, urgent]) = self;
        match priority {
            Priority::Low => low,
            Priority::Medium => medium,
            Priority::High => high,
            Priority::Urgent => urgent,
        }
    }
}

/// A period in which a ticket's resolution clock was stopped: from, until.
pub type Pause = (Millis, Millis);

impl SlaPolicy {
    /// The due times of a ticket, and the working time in milliseconds for which its resolution clock was stopped.
    pub fn due_times(&self, created_at: Millis, pauses: &[Pause]) -> (DueTimes, Millis) {
        let paused = pauses
            .iter()
            .map(|(since, until)| self.calendar.between(*since, *until))
            .fold(0, Millis::saturating_add);
        (due_times(self.policy, &self.calendar, created_at, paused), paused)
    }
}

/// When the targets of a ticket are at risk and due.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DueTimes {
    pub first_response_due_at: Millis,
    pub first_response_at_risk_at: Millis,
    pub resolution_due_at: Millis,
    pub resolution_at_risk_at: Millis,
}

/// The due times of a ticket. A target is at risk when 80 % of its working time has passed. `paused` is the working
/// time for which the resolution clock was stopped; the response clock never stops.
pub fn due_times(policy: SlaDurations, calendar: &Calendar, created_at: Millis, paused: Millis) -> DueTimes {
    let after = |working: Millis| calendar.add(created_at, working);
    DueTimes {
        first_response_due_at: after(policy.response),
        first_response_at_risk_at: after(at_risk_share(policy.response)),
        resolution_due_at: after(policy.resolution.saturating_add(paused)),
        resolution_at_risk_at: after(at_risk_share(policy.resolution).saturating_add(paused)),
    }
}

/// 80 % of a duration.
fn at_risk_share(working: Millis) -> Millis {
    working.saturating_sub(working / 5)
}

/// What an SLA policy sets a due time for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum SlaTarget {
    /// The first public reply by staff.
    Response,
    /// The resolution of the ticket.
    Resolution,
}

impl SlaTarget {
    /// Both targets.
    pub const ALL: [SlaTarget; 2] = [SlaTarget::Response, SlaTarget::Resolution];

    /// The API name.
    pub fn as_str(self) -> &'static str {
        match self {
            SlaTarget::Response => "response",
            SlaTarget::Resolution => "resolution",
        }
    }
}

/// The state of one SLA target.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum SlaState {
    /// Not due yet.
    Ok,
    /// At least 80 % of the time has passed.
    AtRisk,
    /// Overdue, and not met yet.
    Breached,
    /// The clock is stopped.
    Paused,
    /// Met in time.
    Met,
    /// Met too late.
    Missed,
}

impl SlaState {
    /// All states.
    pub const ALL: [SlaState; 6] = [
        SlaState::Ok,
        SlaState::AtRisk,
        SlaState::Breached,
        SlaState::Paused,
        SlaState::Met,
        SlaState::Missed,
    ];
    /// The API names, in the order of [`SlaState::ALL`].
    pub const WORDS: [&'static str; 6] = ["ok", "at_risk", "breached", "paused", "met", "missed"];

    /// The API name.
    pub fn as_str(self) -> &'static str {
        match self {
            SlaState::Ok => "ok",
            SlaState::AtRisk => "at_risk",
            SlaState::Breached => "breached",
            SlaState::Paused => "paused",
            SlaState::Met => "met",
            SlaState::Missed => "missed",
        }
    }

    /// Reads an API name in any case.
    pub fn parse(word: &str) -> Option<SlaState> {
        let word = word.trim().to_ascii_lowercase();
        SlaState::ALL.into_iter().find(|state| state.as_str() == word)
    }
}

/// The state of an SLA target at `now`. What is done exactly at the due time is in time. `paused_at` applies to the
/// resolution only and is `None` for the response. A pause stops the clock when it begins, so what was overdue then
/// stays breached.
pub fn state_at(
    due_at: Millis,
    at_risk_at: Millis,
    done_at: Option<Millis>,
    paused_at: Option<Millis>,
    now: Millis,
) -> SlaState {
    let clock = paused_at.unwrap_or(now);
    match done_at {
        Some(done) if done <= due_at => SlaState::Met,
        Some(_) => SlaState::Missed,
        None if clock > due_at => SlaState::Breached,
        None if paused_at.is_some() => SlaState::Paused,
        None if clock >= at_risk_at => SlaState::AtRisk,
        None => SlaState::Ok,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn names_and_states_agree() {
        for (state, word) in SlaState::ALL.into_iter().zip(SlaState::WORDS) {
            assert_eq!(state.as_str(), word);
            assert_eq!(SlaState::parse(&word.to_uppercase()), Some(state));
        }
        assert_eq!(SlaState::parse("late"), None);
    }

    #[test]
    fn the_default_policies_count_around_the_clock() {
        for (priority, response, resolution) in [
            (Priority::Urgent, 2, 24),
            (Priority::High, 4, 48),
            (Priority::Medium, 8, 120),
            (Priority::Low, 24, 240),
        ] {
            let targets = due_times(SlaDurations::standard(priority), &Calendar::always(), 1_000, 500);
            let want = DueTimes {
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
        let policy = SlaDurations {
            response: HOUR,
            resolution: 2 * HOUR,
        };
        assert_eq!(SlaDurations::from_minutes(60, 120), Ok(policy));
        assert!(SlaDurations::from_minutes(60, 60).is_ok());
        assert!(SlaDurations::from_minutes(61, 60).is_err());
    }

    #[test]
    fn due_times_follow_the_calendar() {
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
        // Friday 16:00, before the clocks change.
        let created = at("2026-03-27T16:00:00+01:00");
        let sla_policy = SlaPolicy {
            policy: SlaDurations {
                response: 5 * HOUR,
                resolution: 10 * HOUR,
            },
            calendar,
            version: 1,
        };
        // An hour on Friday, nothing over the weekend, and Monday from ten to the end of the working day.
        let pauses = [
            (at("2026-03-27T16:00:00+01:00"), at("2026-03-29T20:00:00+02:00")),
            (at("2026-03-30T10:00:00+02:00"), at("2026-03-30T20:00:00+02:00")),
        ];
        let want = DueTimes {
            first_response_due_at: at("2026-03-30T13:00:00+02:00"),
            first_response_at_risk_at: at("2026-03-30T12:00:00+02:00"),
            resolution_due_at: at("2026-04-01T10:00:00+02:00"),
            resolution_at_risk_at: at("2026-03-31T16:00:00+02:00"),
        };
        assert_eq!(sla_policy.due_times(created, &pauses), (want, 8 * HOUR));
        let around_the_clock = SlaPolicy {
            calendar: Calendar::always(),
            ..sla_policy
        };
        let (targets, paused) = around_the_clock.due_times(created, &pauses);
        assert_eq!(paused, 61 * HOUR);
        assert_eq!(targets.resolution_due_at, created + 71 * HOUR);
    }

    #[test]
    fn states_are_decided() {
        for (done_at, paused_at, now, want) in [
            (None, None, 79, SlaState::Ok),
            (None, None, 80, SlaState::AtRisk),
            (None, None, 100, SlaState::AtRisk),
            (None, None, 101, SlaState::Breached),
            (None, Some(10), 50, SlaState::Paused),
            (None, Some(90), 5_000, SlaState::Paused),
            (None, Some(101), 5_000, SlaState::Breached),
            (Some(100), None, 5_000, SlaState::Met),
            (Some(101), None, 5_000, SlaState::Missed),
            (Some(50), Some(60), 70, SlaState::Met),
            (Some(500), Some(60), 700, SlaState::Missed),
        ] {
            assert_eq!(
                state_at(100, 80, done_at, paused_at, now),
                want,
                "{done_at:?} {paused_at:?} {now}"
            );
        }
    }

    #[test]
    fn extremes_do_not_overflow() {
        let policy = SlaDurations {
            response: Millis::MAX,
            resolution: Millis::MAX,
        };
        let targets = due_times(policy, &Calendar::always(), Millis::MAX, Millis::MAX);
        assert_eq!(targets.resolution_due_at, Millis::MAX);
    }
}
