//! Agents: staff who can be assigned tickets, and which parts of an agent each role may change.

use crate::desk::person::Role;

/// Values of an event's `cause` for assignment changes that no person made. History shows them.
pub mod cause {
    /// Automatic assignment chose an agent.
    pub const AUTO_ASSIGN: &str = "auto_assign";
    /// The assignee was deactivated or is no longer staff.
    pub const RETURNED_TO_POOL: &str = "returned_to_pool";
    /// The ticket's category was archived.
    pub const CATEGORY_ARCHIVED: &str = "category_archived";
}

/// How many open tickets automatic assignment gives an agent unless an admin sets another limit. `schema.sql` has the
/// same default.
pub const DEFAULT_MAX_OPEN_TICKETS: i64 = 20;

/// A part of an agent that can be edited.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AgentAttribute {
    /// Whether the agent accepts new tickets at the moment.
    Availability,
    /// Name, username, telephone and picture.
    Card,
    /// The cap, the address, the active flag.
    Terms,
    /// The categories.
    Categories,
}

/// Whether the role may change that part of an agent. The words say why not.
///
/// # Errors
/// What to tell the caller.
pub fn authorize_edit(part: AgentAttribute, role: Role, is_self: bool) -> Result<(), &'static str> {
    let allowed = match (part, role) {
        (_, Role::Admin) => true,
        (AgentAttribute::Availability | AgentAttribute::Card, Role::Agent | Role::Manager) => is_self,
        (AgentAttribute::Categories, Role::Manager) => true,
        (AgentAttribute::Terms, Role::Agent | Role::Manager)
        | (AgentAttribute::Categories, Role::Agent)
        | (_, Role::Customer) => false,
    };
    match (allowed, part) {
        (true, _) => Ok(()),
        (false, AgentAttribute::Availability | AgentAttribute::Card) => {
            Err("an agent's availability and card are changed by the agent and by admins")
        }
        (false, AgentAttribute::Terms) => {
            Err("an agent's cap, address and active flag are changed by admins")
        }
        (false, AgentAttribute::Categories) => Err("an agent's categories are set by managers and admins"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_of_permissions() {
        use Role::*;
        for (part, role, is_self, want) in [
            (AgentAttribute::Availability, Agent, true, true),
            (AgentAttribute::Availability, Agent, false, false),
            (AgentAttribute::Availability, Manager, false, false),
            (AgentAttribute::Availability, Admin, false, true),
            (AgentAttribute::Card, Agent, true, true),
            (AgentAttribute::Card, Agent, false, false),
            (AgentAttribute::Terms, Agent, true, false),
            (AgentAttribute::Terms, Manager, false, false),
            (AgentAttribute::Terms, Admin, false, true),
            (AgentAttribute::Categories, Agent, true, false),
            (AgentAttribute::Categories, Manager, false, true),
            (AgentAttribute::Categories, Admin, false, true),
            (AgentAttribute::Availability, Customer, true, false),
        ] {
            assert_eq!(
                authorize_edit(part, role, is_self).is_ok(),
                want,
                "{part:?} {role:?} {is_self}"
            );
        }
    }
}
