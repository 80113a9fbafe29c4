//! Which tickets somebody may see. There is no read of tickets without one.

use crate::desk::person::Role;

/// `AGENT_SCOPE`: what agents see.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AgentScope {
    /// What is assigned to them and what is in their categories; with no category, also what is nobody's.
    Category,
    /// What is assigned to them, and what is nobody's.
    Assigned,
    All,
}

impl AgentScope {
    /// The canonical words.
    pub const WORDS: [&'static str; 3] = ["category", "assigned", "all"];

    /// The canonical word.
    pub fn as_str(self) -> &'static str {
        match self {
            AgentScope::Category => "category",
            AgentScope::Assigned => "assigned",
            AgentScope::All => "all",
        }
    }

    /// Reads a canonical word.
    pub fn parse(word: &str) -> Option<AgentScope> {
        [AgentScope::Category, AgentScope::Assigned, AgentScope::All]
            .into_iter()
            .find(|scope| scope.as_str() == word)
    }
}

/// Whether the person `u` (a row of users) may see the ticket `t`, `s` being the settings: for statements about many
/// people at once. It says the same as [`Scope::of`] with [`Scope::condition`].
pub const SEEN_BY: &str = "(u.role IN ('manager', 'admin') OR t.requester_id = u.id OR (u.role = 'agent' AND (\
   s.agent_scope = 'all' OR t.assignee_id = u.id OR (t.assignee_id IS NULL AND (s.agent_scope = 'assigned' \
     OR NOT EXISTS (SELECT 1 FROM agent_categories WHERE user_id = u.id))) \
   OR (s.agent_scope = 'category' AND EXISTS (SELECT 1 FROM agent_categories WHERE user_id = u.id AND category_id = t.category_id)))))";

/// The tickets that one person may see. Agents may also look at tickets they have opened themselves; their
/// lists and sums are of their work, which those are not.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scope {
    All,
    /// A customer's own.
    Own,
    /// An agent's, by category.
    Category,
    /// An agent's, by assignment.
    Assigned,
}

impl Scope {
    /// The scope of a role under the desk's setting.
    pub fn of(role: Role, agents: AgentScope) -> Scope {
        match (role, agents) {
            (Role::Admin | Role::Manager, _) | (Role::Agent, AgentScope::All) => Scope::All,
            (Role::Customer, _) => Scope::Own,
            (Role::Agent, AgentScope::Category) => Scope::Category,
            (Role::Agent, AgentScope::Assigned) => Scope::Assigned,
        }
    }

    /// As [`Scope::condition`], without what an agent has merely opened: what lists and sums are about.
    pub fn worklist_condition(self) -> &'static str {
        match self {
            Scope::All | Scope::Own => self.condition(),
            Scope::Category => {
                "(t.assignee_id = ?3 \
                 OR EXISTS (SELECT 1 FROM agent_categories WHERE user_id = ?3 AND category_id = t.category_id) \
                 OR (t.assignee_id IS NULL AND NOT EXISTS (SELECT 1 FROM agent_categories WHERE user_id = ?3)))"
            }
            Scope::Assigned => "(t.assignee_id = ?3 OR t.assignee_id IS NULL)",
        }
    }

    /// The condition on a ticket `t`, where `?3` is the reader.
    pub fn condition(self) -> &'static str {
        match self {
            Scope::All => "1",
            Scope::Own => "t.requester_id = ?3",
            Scope::Category => {
                "(t.assignee_id = ?3 OR t.requester_id = ?3 \
                 OR EXISTS (SELECT 1 FROM agent_categories WHERE user_id = ?3 AND category_id = t.category_id) \
                 OR (t.assignee_id IS NULL AND NOT EXISTS (SELECT 1 FROM agent_categories WHERE user_id = ?3)))"
            }
            Scope::Assigned => "(t.assignee_id = ?3 OR t.requester_id = ?3 OR t.assignee_id IS NULL)",
        }
    }
}
