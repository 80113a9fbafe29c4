//! The settings: a single row.

use serde::Deserialize;

use crate::edge::db::Stmt;
use crate::store::sql::view::{Out, View, field};

/// The settings, as admins see them.
pub const SETTINGS: View = View {
    name: "Settings",
    fields: &[
        field("auto_assign", "g.auto_assign", Out::Text).doc("off, category or least_loaded."),
        field("agent_scope", "g.agent_scope", Out::Text).doc("category, assigned or all."),
        field("reopen_window_days", "g.reopen_window_days", Out::Int),
        field("auto_close_days", "g.auto_close_days", Out::Int),
        field("acknowledge", "g.acknowledge", Out::Flag)
            .doc("Requesters are mailed the number of a ticket that came by mail or was opened for them."),
        field("require_two_factor", "g.require_two_factor", Out::Text)
            .doc("off, staff or all: who does nothing without two-factor sign-in but set it up."),
        field("version", "g.version", Out::Int),
        field("updated_at", "g.updated_at", Out::Time),
    ],
};

/// Selects `j`, `v` (the version) and `id`.
pub fn show() -> Stmt {
    Stmt::new(format!(
        "SELECT {} AS j, g.version AS v, g.id AS id FROM settings g WHERE g.id = 1",
        SETTINGS.sql()
    ))
}

/// The settings that control what happens to tickets as time passes.
#[derive(Clone, Copy, Debug, Deserialize)]
pub struct JobSettings {
    pub reopen_window_days: i64,
    pub auto_close_days: i64,
    pub workflows_version: i64,
}

/// Selects the [`JobSettings`].
pub fn job_settings() -> Stmt {
    Stmt::new("SELECT reopen_window_days, auto_close_days, workflows_version FROM settings WHERE id = 1")
}

/// The settings that an update changes; `None` leaves one unchanged.
#[derive(Clone, Copy, Debug, Default)]
pub struct SettingsPatch {
    pub auto_assign: Option<&'static str>,
    pub agent_scope: Option<&'static str>,
    pub reopen_window_days: Option<i64>,
    pub auto_close_days: Option<i64>,
    pub acknowledge: Option<bool>,
    pub require_two_factor: Option<&'static str>,
}

/// Updates settings, provided that the row still has the version on which the change is based.
pub fn update(version: i64, patch: SettingsPatch, now: i64) -> Stmt {
    Stmt::new(
        "UPDATE settings SET version = ?1 + 1, auto_assign = coalesce(?2, auto_assign), agent_scope = coalesce(?3, agent_scope), \
         reopen_window_days = coalesce(?4, reopen_window_days), auto_close_days = coalesce(?5, auto_close_days), acknowledge = coalesce(?7, acknowledge), require_two_factor = coalesce(?8, require_two_factor), updated_at = ?6 \
         WHERE id = 1",
    )
    .bind(version)
    .bind(patch.auto_assign)
    .bind(patch.agent_scope)
    .bind(patch.reopen_window_days)
    .bind(patch.auto_close_days)
    .bind(now)
    .bind(patch.acknowledge)
    .bind(patch.require_two_factor)
}

// Version numbers that signal changes ------------------------------------------------------------------------------

const RAISE_RULES: &str = "UPDATE settings SET workflows_version = workflows_version + 1 WHERE id = 1";

/// Signals to every isolate that the SLA policies have changed: it reloads them before it uses them again.
pub fn raise_sla_version() -> Stmt {
    Stmt::new("UPDATE settings SET sla_version = sla_version + 1, has_outdated = 1 WHERE id = 1")
}

/// Signals to every isolate that the workflow rules have changed.
pub fn raise_rules_version() -> Stmt {
    Stmt::new(RAISE_RULES)
}

/// Like [`raise_rules_version`], but only if there is an active rule: something that rules may refer to has changed.
pub fn raise_rules_version_if_active() -> Stmt {
    Stmt::new(format!(
        "{RAISE_RULES} AND EXISTS (SELECT 1 FROM workflows WHERE is_active = 1)"
    ))
}

/// Like [`raise_rules_version`], but only if an active rule refers to this email address, which now belongs to a
/// user.
pub fn raise_rules_version_for_address(email_key: &str) -> Stmt {
    if !email_key.is_ascii() {
        // SQLite folds the case of ASCII only: a rule may write the address in a way that is not found in it.
        return raise_rules_version_if_active();
    }
    Stmt::new(format!(
        "{RAISE_RULES} AND EXISTS (SELECT 1 FROM workflows WHERE is_active = 1 AND instr(lower(conditions), ?1))"
    ))
    .bind(email_key)
}

/// Like [`raise_rules_version`], but only if an active rule may refer to a user who is about to change: every
/// rule may refer to any staff user, but to a customer only by email address. Must run before the change; the
/// arguments describe the new state.
pub fn raise_rules_version_for_person(user_id: i64, is_staff: bool, email_key: Option<&str>) -> Stmt {
    Stmt::new(format!(
        "{RAISE_RULES} AND EXISTS (SELECT 1 FROM users u JOIN workflows w ON w.is_active = 1 WHERE u.id = ?1 \
           AND (?2 OR u.role <> 'customer' OR instr(lower(w.conditions), u.email_key) OR instr(lower(w.conditions), ?3) \
             OR u.email_key || coalesce(?3, '') GLOB '*[^ -~]*'))"
    ))
    .bind(user_id)
    .bind(is_staff)
    .bind(email_key)
}
