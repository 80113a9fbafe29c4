//! Which tickets a person may see. No statement may read tickets for a person without a scope.

use crate::desk::person::Role;

/// The setting `AGENT_SCOPE`: which tickets agents may see.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AgentScope {
    /// Tickets assigned to the agent and tickets in the agent's categories; an agent without a category also sees
    /// unassigned tickets.
    Category,
    /// Tickets assigned to the agent, and unassigned tickets.
    Assigned,
    All,
}

impl AgentScope {
    /// All canonical words.
    pub const WORDS: [&'static str; 3] = ["category", "assigned", "all"];

    /// The canonical word.
    pub fn as_str(self) -> &'static str {
        match self {
            AgentScope::Category => "category",
            AgentScope::Assigned => "assigned",
            AgentScope::All => "all",
        }
    }

    /// Parses a canonical word.
    pub fn parse(word: &str) -> Option<AgentScope> {
        [AgentScope::Category, AgentScope::Assigned, AgentScope::All]
            .into_iter()
            .find(|scope| scope.as_str() == word)
    }
}

/// Whether the person `u` (a row of users) may see the ticket `t`, where `s` is the settings row. For statements
/// about many people at once; it must agree with [`Scope::of`] and [`Scope::condition`].
pub const SEEN_BY: &str = "(u.role IN ('manager', 'admin') OR t.requester_id = u.id \
   OR EXISTS (SELECT 1 FROM ticket_merges g WHERE g.survivor_id = t.id AND g.requester_id = u.id) OR (u.role = 'agent' AND (\
   s.agent_scope = 'all' OR t.assignee_id = u.id OR (t.assignee_id IS NULL AND (s.agent_scope = 'assigned' \
     OR NOT EXISTS (SELECT 1 FROM agent_categories WHERE user_id = u.id))) \
   OR (s.agent_scope = 'category' AND EXISTS (SELECT 1 FROM agent_categories WHERE user_id = u.id AND category_id = t.category_id)))))";

/// The tickets that one person may see: whoever opened a ticket that was merged into another one also sees that one, to
/// which the conversation has moved. Their lists and sums leave it out; the merged ticket leads to it. Agents may also read tickets that they have opened themselves, but their
/// lists and sums leave those tickets out, because they are not the agent's work.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scope {
    All,
    /// A customer's own tickets.
    Own,
    /// An agent's tickets, by category.
    Category,
    /// An agent's tickets, by assignment.
    Assigned,
}

impl Scope {
    /// The scope of a role under the current setting.
    pub fn of(role: Role, agents: AgentScope) -> Scope {
        match (role, agents) {
            (Role::Admin | Role::Manager, _) | (Role::Agent, AgentScope::All) => Scope::All,
            (Role::Customer, _) => Scope::Own,
            (Role::Agent, AgentScope::Category) => Scope::Category,
            (Role::Agent, AgentScope::Assigned) => Scope::Assigned,
        }
    }

    /// Like [`Scope::condition`], but without tickets that an agent has only opened. Used for lists and sums.
    pub fn worklist_condition(self) -> &'static str {
        match self {
            Scope::All => self.condition(),
            Scope::Own => "t.requester_id = ?3",
            Scope::Category => {
                "(t.assignee_id = ?3 \
                 OR instr((SELECT ',' || group_concat(category_id) || ',' FROM agent_categories WHERE user_id = ?3), ',' || t.category_id || ',') > 0 \
                 OR (t.assignee_id IS NULL AND NOT EXISTS (SELECT 1 FROM agent_categories WHERE user_id = ?3)))"
            }
            Scope::Assigned => "(t.assignee_id = ?3 OR t.assignee_id IS NULL)",
        }
    }

    /// The condition that the reader `?3` may see a ticket `t`. The agent's categories are read once, as one text: an
    /// `EXISTS` or `IN` would read a row for each ticket.
    pub fn condition(self) -> &'static str {
        match self {
            Scope::All => "1",
            Scope::Own => {
                "(t.requester_id = ?3 OR EXISTS (SELECT 1 FROM ticket_merges g WHERE g.survivor_id = t.id AND g.requester_id = ?3))"
            }
            Scope::Category => {
                "(t.assignee_id = ?3 OR t.requester_id = ?3 \
                 OR EXISTS (SELECT 1 FROM ticket_merges g WHERE g.survivor_id = t.id AND g.requester_id = ?3) \
                 OR instr((SELECT ',' || group_concat(category_id) || ',' FROM agent_categories WHERE user_id = ?3), ',' || t.category_id || ',') > 0 \
                 OR (t.assignee_id IS NULL AND NOT EXISTS (SELECT 1 FROM agent_categories WHERE user_id = ?3)))"
            }
            Scope::Assigned => {
                "(t.assignee_id = ?3 OR t.requester_id = ?3 OR t.assignee_id IS NULL \
                 OR EXISTS (SELECT 1 FROM ticket_merges g WHERE g.survivor_id = t.id AND g.requester_id = ?3))"
            }
        }
    }
}
