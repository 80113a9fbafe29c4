//! The desk's settings: one row.

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
        field("version", "g.version", Out::Int),
        field("updated_at", "g.updated_at", Out::Time),
    ],
};

/// The row `j`, `v`, `id`.
pub fn show() -> Stmt {
    Stmt::new(format!(
        "SELECT {} AS j, g.version AS v, g.id AS id FROM settings g WHERE g.id = 1",
        SETTINGS.sql()
    ))
}

/// What time does to tickets, as the settings have it.
#[derive(Clone, Copy, Debug, Deserialize)]
pub struct JobSettings {
    pub reopen_window_days: i64,
    pub auto_close_days: i64,
    pub workflows_version: i64,
}

/// The [`JobSettings`].
pub fn job_settings() -> Stmt {
    Stmt::new("SELECT reopen_window_days, auto_close_days, workflows_version FROM settings WHERE id = 1")
}

/// Changes what is given, over the version that it was decided on.
pub fn update(
    version: i64,
    auto_assign: Option<&'static str>,
    agent_scope: Option<&'static str>,
    reopen_window_days: Option<i64>,
    auto_close_days: Option<i64>,
    now: i64,
) -> Stmt {
    Stmt::new(
        "UPDATE settings SET version = ?1 + 1, auto_assign = coalesce(?2, auto_assign), agent_scope = coalesce(?3, agent_scope), \
         reopen_window_days = coalesce(?4, reopen_window_days), auto_close_days = coalesce(?5, auto_close_days), updated_at = ?6 \
         WHERE id = 1",
    )
    .bind(version)
    .bind(auto_assign)
    .bind(agent_scope)
    .bind(reopen_window_days)
    .bind(auto_close_days)
    .bind(now)
}
