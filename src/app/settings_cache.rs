//! What an isolate caches between requests: the settings of the desk, its SLA policies, its workflow rules, and its
//! custom fields, which are read with the rules.
//!
//! Requests are handled with the cached values. The version numbers are read together with the caller's authority;
//! what turns out to be outdated is read again, and the request is handled again.

use std::cell::RefCell;
use std::rc::Rc;

use crate::desk::sla::SlaPolicies;
use crate::desk::tickets::ticket::TicketSettings;
use crate::edge::db::{DbError, Rows, Stmt};
use crate::store::automation::rules::{self, RuleSet};
use crate::store::sessions::{CallerAuthority, SettingsVersions};
use crate::store::sla;
use crate::store::sql::scope::AgentScope;
use crate::store::tickets::assignment::AutoAssign;

/// The settings that statements and rules depend on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Settings {
    pub agent_scope: AgentScope,
    pub auto_assign: AutoAssign,
    pub reopen_window_days: i64,
    pub version: i64,
}

/// The cached values. SLA policies and workflow rules are stored with the version that they were read at.
#[derive(Clone, Debug)]
pub struct SettingsCache {
    pub settings: Settings,
    sla_policies: Option<(i64, Rc<SlaPolicies>)>,
    /// The active rules, read by the first request that needs them after a change.
    automation: Option<Rc<RuleSet>>,
}

thread_local! {
    static CACHE: RefCell<SettingsCache> = const { RefCell::new(SettingsCache {
        settings: Settings { agent_scope: AgentScope::Category, auto_assign: AutoAssign::Category, reopen_window_days: 7, version: 1 },
        sla_policies: None,
        automation: None,
    }) };
}

/// What is not cached and must be read together with the caller's authority.
#[derive(Clone, Copy, Debug)]
pub struct Missing {
    sla_policies: bool,
    rules: bool,
}

impl Missing {
    /// The statements that read what is missing.
    pub fn stmts(self) -> Vec<Stmt> {
        let mut stmts = Vec::new();
        stmts.extend(self.sla_policies.then(sla::all_policies));
        if self.rules {
            stmts.extend([rules::list_active(), rules::references(None)]);
        }
        stmts
    }

    /// Takes the rows of [`Missing::stmts`] from the results of a batch.
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

/// The rows read because of [`Missing`].
pub struct Loaded {
    sla_policies: Option<Rows>,
    rules: Option<(Rows, Rows)>,
}

impl SettingsCache {
    /// The current cached values.
    pub fn now() -> SettingsCache {
        CACHE.with_borrow(Clone::clone)
    }

    /// The settings for tickets, with the standard SLA policies while the desk's own are not loaded.
    pub fn ticket_settings(&self) -> TicketSettings {
        let sla_policies = self
            .sla_policies
            .as_ref()
            .map(|(_, sla_policies)| sla_policies.clone());
        TicketSettings {
            reopen_window_days: self.settings.reopen_window_days,
            sla_policies: sla_policies.unwrap_or_else(|| Rc::new(SlaPolicies::standard())),
            custom_fields: (self.automation.as_ref())
                .map(|rules| rules.directory.custom_fields.clone())
                .unwrap_or_default(),
        }
    }

    /// The active workflow rules, if they are loaded.
    pub fn rule_set(&self) -> Option<Rc<RuleSet>> {
        self.automation.clone()
    }

    /// The versions of all that is cached; `None` while something is not.
    pub fn versions(&self) -> Option<SettingsVersions> {
        let (sla, _) = self.sla_policies.as_ref()?;
        Some(SettingsVersions {
            settings: self.settings.version,
            sla: *sla,
            workflows: self.automation.as_ref()?.version,
        })
    }

    /// What a request needs and the cache does not have.
    pub fn missing(&self, needs_rules: bool) -> Missing {
        Missing {
            sla_policies: self.sla_policies.is_none(),
            rules: self.automation.is_none() && needs_rules,
        }
    }

    /// Updates the cache with what was read. Returns whether something had changed, in which case the request must be
    /// handled again.
    ///
    /// # Errors
    /// When the rows cannot be parsed.
    pub fn refresh(
        &mut self,
        needs_rules: bool,
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
            auto_assign: AutoAssign::parse(&authority.auto_assign),
            reopen_window_days: authority.reopen_window_days,
            version: authority.settings_version,
        };
        let sla_policies = self
            .sla_policies
            .take_if(|(version, _)| *version != authority.sla_version);
        let rules = self
            .automation
            .take_if(|rules| rules.version != authority.workflows_version);
        let moved = settings != self.settings || sla_policies.is_some() || (rules.is_some() && needs_rules);
        self.settings = settings;
        CACHE.set(self.clone());
        Ok(moved)
    }
}
