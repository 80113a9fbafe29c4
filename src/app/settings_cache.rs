//! What an isolate keeps of the desk between requests: its settings, its promises, its workflow rules.
//!
//! Requests are handled by what is kept. The numbers that tell of changes are read beside the caller's authority;
//! what turns out to have moved is read anew, and the request is handled again.

use std::cell::RefCell;
use std::rc::Rc;

use crate::app::route::{self, Route};
use crate::desk::sla::SlaPolicies;
use crate::desk::tickets::ticket::TicketSettings;
use crate::edge::db::{DbError, Rows, Stmt};
use crate::store::automation::rules::{self, RuleSet};
use crate::store::sessions::CallerAuthority;
use crate::store::sla;
use crate::store::sql::scope::AgentScope;

/// The desk's settings, as far as statements and rules depend on them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Settings {
    pub agent_scope: AgentScope,
    pub reopen_window_days: i64,
    pub version: i64,
}

/// What is kept. Promises and workflow rules stand under the numbers that tell of changes.
#[derive(Clone, Debug)]
pub struct SettingsCache {
    pub settings: Settings,
    sla_policies: Option<(i64, Rc<SlaPolicies>)>,
    /// The active rules, read by the first change of a ticket after they have changed.
    automation: Option<Rc<RuleSet>>,
}

thread_local! {
    static CACHE: RefCell<SettingsCache> = const { RefCell::new(SettingsCache {
        settings: Settings { agent_scope: AgentScope::Category, reopen_window_days: 7, version: 1 },
        sla_policies: None,
        automation: None,
    }) };
}

/// What is to be read beside the caller's authority.
#[derive(Clone, Copy, Debug)]
pub struct Missing {
    sla_policies: bool,
    rules: bool,
}

impl Missing {
    /// The statements that read it.
    pub fn stmts(self) -> Vec<Stmt> {
        let mut stmts = Vec::new();
        stmts.extend(self.sla_policies.then(sla::all_policies));
        if self.rules {
            stmts.extend([rules::list_active(), rules::references(None)]);
        }
        stmts
    }

    /// Takes what [`Missing::stmts`] read from the answers of a batch.
    pub fn take(self, rows: &mut impl Iterator<Item = Rows>) -> Loaded {
        let sla_policies = if self.sla_policies { rows.next() } else { None };
        let rules = if self.rules {
            rows.next().zip(rows.next())
        } else {
            None
        };
        Loaded { sla_policies, rules }
    }
}

/// What was read because of [`Missing`].
pub struct Loaded {
    sla_policies: Option<Rows>,
    rules: Option<(Rows, Rows)>,
}

impl SettingsCache {
    /// What is kept at the moment.
    pub fn now() -> SettingsCache {
        CACHE.with_borrow(Clone::clone)
    }

    /// What tickets follow; the standard promises where the desk's are not known yet.
    pub fn ticket_settings(&self) -> TicketSettings {
        let sla_policies = self
            .sla_policies
            .as_ref()
            .map(|(_, sla_policies)| sla_policies.clone());
        TicketSettings {
            reopen_window_days: self.settings.reopen_window_days,
            sla_policies: sla_policies.unwrap_or_else(|| Rc::new(SlaPolicies::standard())),
        }
    }

    /// The active workflow rules, where they are known.
    pub fn rule_set(&self) -> Option<Rc<RuleSet>> {
        self.automation.clone()
    }

    /// What a request on this route needs and is not known.
    pub fn missing(&self, route: &Route) -> Missing {
        Missing {
            sla_policies: self.sla_policies.is_none(),
            rules: self.automation.is_none() && route::may_trigger_rules(route),
        }
    }

    /// Learns what was read, and tells whether something has moved: then the request is to be handled again.
    ///
    /// # Errors
    /// When what was read cannot be.
    pub fn refresh(
        &mut self,
        route: &Route,
        authority: &CallerAuthority,
        found: Loaded,
    ) -> Result<bool, DbError> {
        if let Some(rows) = found.sla_policies {
            let (version, sla_policies) = sla::read_all_policies(&rows)?;
            self.sla_policies = Some((version, Rc::new(sla_policies)));
        }
        if let Some((rules, directory)) = found.rules {
            let read = rules::read_rule_set(authority.workflows_version, &rules, &directory)?;
            self.automation = Some(Rc::new(read));
        }
        let settings = Settings {
            agent_scope: AgentScope::parse(&authority.agent_scope).unwrap_or(AgentScope::Category),
            reopen_window_days: authority.reopen_window_days,
            version: authority.settings_version,
        };
        let sla_policies = self
            .sla_policies
            .take_if(|(version, _)| *version != authority.sla_version);
        let rules = self
            .automation
            .take_if(|rules| rules.version != authority.workflows_version);
        let moved = settings != self.settings
            || sla_policies.is_some()
            || (rules.is_some() && route::may_trigger_rules(route));
        self.settings = settings;
        CACHE.set(self.clone());
        Ok(moved)
    }
}
