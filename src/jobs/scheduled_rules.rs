//! Rules on a schedule: each walks the unresolved tickets once per period, from the newest down.
//!
//! A walk goes on where it stopped, in steps of one minute. What is done to a ticket and how far the walk has come are
//! kept in one batch, so no ticket is dealt with twice in a period, whoever else walks at the same moment.

use crate::app::automation::{self, Engine};
use crate::app::retry::ATTEMPTS;
use crate::desk::automation::executor::Heard;
use crate::desk::automation::rule::{On, Rule};
use crate::desk::{MINUTE, Millis};
use crate::edge::db::{Db, Rows, Stmt};
use crate::http::error::Error;
use crate::jobs::shared::{self, Tally};
use crate::store::automation::schedules::{self, Standing};
use crate::store::automation::ticket_context::{self, Tried};
use crate::store::tickets::messages;
use crate::store::tickets::subject::Subject;
use crate::store::tickets::ticket::Reader;

/// Tickets that one rule looks at in one go.
const LOOKS: usize = 500;
/// Tickets that are read together.
const TOGETHER: usize = 50;
/// Tickets that all rules change in one go.
const DEEDS: usize = 100;

/// Lets the rules act whose time has come, and those go on that have not come to their end.
pub async fn run(db: &Db, now: Millis) -> Result<usize, Error> {
    let found = db.batch(&[schedules::list()]).await?;
    let list = match found.first() {
        Some(rows) => schedules::read_list(rows)?,
        None => Vec::new(),
    };
    let is_due = |(rule, last): &(Rule, Option<Standing>)| {
        let started_at = last.map(|last| last.started_at);
        let has_time = |trigger: crate::desk::automation::rule::Trigger| trigger.is_due(started_at, now);
        rule.plan.as_ref().is_ok_and(|plan| has_time(plan.trigger))
            || last.is_some_and(|last| !last.is_over())
    };
    let due: Vec<_> = list.into_iter().filter(is_due).collect();
    if due.is_empty() {
        return Ok(0);
    }
    let (engine, _) = shared::engine(db, now).await?;
    let mut tally = Tally::default();
    for (rule, last) in due {
        let walk = Walk {
            db,
            engine: &engine,
            rule: &rule,
        };
        if let Err(error) = walk.go(last, &mut tally).await {
            tally.add(Err(error));
        }
    }
    tally.finish()
}

/// The walk of one rule.
struct Walk<'a> {
    db: &'a Db,
    engine: &'a Engine,
    rule: &'a Rule,
}

impl Walk<'_> {
    async fn go(&self, last: Option<Standing>, tally: &mut Tally) -> Result<(), Error> {
        // A whole minute, so that the hours between two runs do not grow by the seconds in which the clock is late.
        let now = self.engine.now;
        let mut stmts = Vec::new();
        if last.is_none_or(Standing::is_over) {
            stmts.push(schedules::begin(
                self.rule.id,
                last,
                now.saturating_sub(now % MINUTE),
            ));
        }
        let (mut looks, mut lost) = (0, 0);
        while looks < LOOKS && tally.done < DEEDS && lost < ATTEMPTS {
            stmts.push(schedules::standing(self.rule.id));
            let found = self.db.batch(&stmts).await?;
            stmts.clear();
            let Some(at) = standing(found.last())?.filter(|at| !at.is_over()) else {
                return Ok(());
            };
            let tickets = self.next(at).await?;
            looks = looks.saturating_add(tickets.len());
            let rest = self.deal(at, &tickets, tally).await;
            match rest {
                Ok(()) => {
                    let end = tickets.last().filter(|_| tickets.len() == TOGETHER);
                    let end = end.map_or((0, 0), place);
                    stmts.push(schedules::advance(self.rule.id, at.started_at, end));
                }
                Err(Error::Moved) => lost = lost.saturating_add(1),
                Err(error) => return Err(error),
            }
        }
        self.db.batch(&stmts).await.map(|_| ()).map_err(Error::from)
    }

    async fn next(&self, at: Standing) -> Result<Vec<Tried>, Error> {
        let reader = Reader::desk(self.engine.now);
        let most = i64::try_from(TOGETHER).unwrap_or_default();
        let found = self
            .db
            .batch(&[ticket_context::unresolved_before(
                &reader,
                (at.before_at, at.before_id),
                most,
            )])
            .await?;
        match found.first() {
            Some(rows) => Ok(ticket_context::read_tried(rows)?),
            None => Ok(Vec::new()),
        }
    }

    /// Deals with tickets in their order, until somebody else was faster with one. What fails is left out.
    async fn deal(&self, at: Standing, tickets: &[Tried], tally: &mut Tally) -> Result<(), Error> {
        for seen in tickets {
            if tally.done >= DEEDS {
                return Err(Error::Moved);
            }
            let Some(stmts) = self.deeds(at, seen)? else {
                continue;
            };
            match self.db.batch(&stmts).await.map_err(Error::from) {
                Ok(_) => tally.add(Ok(true)),
                Err(Error::Moved) => return Err(Error::Moved),
                Err(error) => tally.add(Err(error)),
            }
        }
        Ok(())
    }

    /// What the rule does to a ticket; nothing where its conditions do not hold.
    fn deeds(&self, at: Standing, seen: &Tried) -> Result<Option<Vec<Stmt>>, Error> {
        let Some(automation) = &self.engine.automation else {
            return Ok(None);
        };
        let ticket = seen.ticket.ticket();
        let heard = Heard {
            on: vec![On::Schedule],
            ..Heard::default()
        };
        let followed = automation::follow_by(
            self.engine,
            automation,
            std::slice::from_ref(self.rule),
            &Subject::Ticket(ticket.id),
            (Some(&ticket), &ticket),
            (&seen.around, &heard),
        )?;
        if followed.stmts.is_empty() {
            return Ok(None);
        }
        let mut stmts = Vec::from(schedules::claim(self.rule.id, at.started_at, place(seen)));
        stmts.push(messages::expect_version(ticket.id, ticket.version));
        if followed.ticket != ticket {
            stmts.push(crate::store::tickets::write::update(
                &ticket,
                &followed.ticket,
                self.engine.now,
            ));
        }
        stmts.extend(followed.stmts);
        Ok(Some(stmts))
    }
}

fn standing(rows: Option<&Rows>) -> Result<Option<Standing>, Error> {
    match rows {
        Some(rows) => Ok(rows.first()?),
        None => Ok(None),
    }
}

/// Where a ticket stands in a walk.
fn place(seen: &Tried) -> (Millis, i64) {
    let ticket = seen.ticket.ticket();
    (ticket.created_at, ticket.id)
}
