//! What an isolate keeps of the desk between requests: its settings, its promises, its workflow rules.
//!
//! Requests are handled by what is kept. The numbers that tell of changes are read beside the caller's authority;
//! what turns out to have moved is read anew, and the request is handled again.

use std::cell::RefCell;
use std::rc::Rc;

use crate::app::route::{self, Route};
use crate::desk::sla::Promises;
use crate::desk::tickets::ticket::Rules;
use crate::edge::db::{DbError, Rows, Stmt};
use crate::store::automation::rules::{self, Automation};
use crate::store::scope::AgentScope;
use crate::store::sessions::Authority;
use crate::store::sla;

/// The desk's settings, as far as statements and rules depend on them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Settings {
    pub agent_scope: AgentScope,
    pub reopen_window_days: i64,
    pub version: i64,
}

/// What is kept. Promises and workflow rules stand under the numbers that tell of changes.
#[derive(Clone, Debug)]
pub struct Kept {
    pub settings: Settings,
    promises: Option<(i64, Rc<Promises>)>,
    /// The active rules, read by the first change of a ticket after they have changed.
    automation: Option<Rc<Automation>>,
}

thread_local! {
    static KEPT: RefCell<Kept> = const { RefCell::new(Kept {
        settings: Settings { agent_scope: AgentScope::Category, reopen_window_days: 7, version: 1 },
        promises: None,
        automation: None,
    }) };
}

/// What is to be read beside the caller's authority.
#[derive(Clone, Copy, Debug)]
pub struct Wants {
    promises: bool,
    rules: bool,
}

impl Wants {
    /// The statements that read it.
    pub fn stmts(self) -> Vec<Stmt> {
        let mut stmts = Vec::new();
        stmts.extend(self.promises.then(sla::promises));
        if self.rules {
            stmts.extend([rules::active(), rules::directory(None)]);
        }
        stmts
    }

    /// Takes what [`Wants::stmts`] read from the answers of a batch.
    pub fn take(self, rows: &mut impl Iterator<Item = Rows>) -> Found {
        let promises = if self.promises { rows.next() } else { None };
        let rules = if self.rules {
            rows.next().zip(rows.next())
        } else {
            None
        };
        Found { promises, rules }
    }
}

/// What was read because of [`Wants`].
pub struct Found {
    promises: Option<Rows>,
    rules: Option<(Rows, Rows)>,
}

impl Kept {
    /// What is kept at the moment.
    pub fn now() -> Kept {
        KEPT.with_borrow(Clone::clone)
    }

    /// What tickets follow; the standard promises where the desk's are not known yet.
    pub fn rules(&self) -> Rules {
        let promises = self.promises.as_ref().map(|(_, promises)| promises.clone());
        Rules {
            reopen_window_days: self.settings.reopen_window_days,
            promises: promises.unwrap_or_else(|| Rc::new(Promises::standard())),
        }
    }

    /// The active workflow rules, where they are known.
    pub fn automation(&self) -> Option<Rc<Automation>> {
        self.automation.clone()
    }

    /// What a request on this route needs and is not known.
    pub fn wants(&self, route: &Route) -> Wants {
        Wants {
            promises: self.promises.is_none(),
            rules: self.automation.is_none() && route::is_heard(route),
        }
    }

    /// Learns what was read, and tells whether something has moved: then the request is to be handled again.
    ///
    /// # Errors
    /// When what was read cannot be.
    pub fn learn(&mut self, route: &Route, authority: &Authority, found: Found) -> Result<bool, DbError> {
        if let Some(rows) = found.promises {
            let (version, promises) = sla::read_promises(&rows)?;
            self.promises = Some((version, Rc::new(promises)));
        }
        if let Some((rules, directory)) = found.rules {
            let read = rules::read_automation(authority.workflows_version, &rules, &directory)?;
            self.automation = Some(Rc::new(read));
        }
        let settings = Settings {
            agent_scope: AgentScope::parse(&authority.agent_scope).unwrap_or(AgentScope::Category),
            reopen_window_days: authority.reopen_window_days,
            version: authority.settings_version,
        };
        let promises = self
            .promises
            .take_if(|(version, _)| *version != authority.sla_version);
        let rules = self
            .automation
            .take_if(|rules| rules.version != authority.workflows_version);
        let moved =
            settings != self.settings || promises.is_some() || (rules.is_some() && route::is_heard(route));
        self.settings = settings;
        KEPT.set(self.clone());
        Ok(moved)
    }
}
