//! Agents: people of the desk whom tickets are given to.

use crate::desk::person::Role;

/// Why an assignment that no person made was made, and why one ended: what history shows as the cause.
pub mod cause {
    /// A new ticket found its agent by itself.
    pub const AUTO_ASSIGN: &str = "auto_assign";
    /// Whoever had the ticket works for the desk no more.
    pub const RETURNED: &str = "returned_to_pool";
    /// The ticket's category was archived.
    pub const ARCHIVED: &str = "category_archived";
}

/// How many open tickets automatic assignment gives an agent, unless an admin says otherwise; the schema says
/// the same.
pub const MAX_OPEN_TICKETS: i64 = 20;

/// What of an agent is to be changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    /// Whether the agent takes new tickets at the moment.
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
pub fn allow(part: Part, role: Role, is_self: bool) -> Result<(), &'static str> {
    let allowed = match (part, role) {
        (_, Role::Admin) => true,
        (Part::Availability | Part::Card, Role::Agent | Role::Manager) => is_self,
        (Part::Categories, Role::Manager) => true,
        (Part::Terms, Role::Agent | Role::Manager)
        | (Part::Categories, Role::Agent)
        | (_, Role::Customer) => false,
    };
    match (allowed, part) {
        (true, _) => Ok(()),
        (false, Part::Availability | Part::Card) => {
            Err("an agent's availability and card are changed by the agent and by admins")
        }
        (false, Part::Terms) => Err("an agent's cap, address and active flag are changed by admins"),
        (false, Part::Categories) => Err("an agent's categories are set by managers and admins"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_of_rights() {
        use Role::*;
        for (part, role, is_self, want) in [
            (Part::Availability, Agent, true, true),
            (Part::Availability, Agent, false, false),
            (Part::Availability, Manager, false, false),
            (Part::Availability, Admin, false, true),
            (Part::Card, Agent, true, true),
            (Part::Card, Agent, false, false),
            (Part::Terms, Agent, true, false),
            (Part::Terms, Manager, false, false),
            (Part::Terms, Admin, false, true),
            (Part::Categories, Agent, true, false),
            (Part::Categories, Manager, false, true),
            (Part::Categories, Admin, false, true),
            (Part::Availability, Customer, true, false),
        ] {
            assert_eq!(
                allow(part, role, is_self).is_ok(),
                want,
                "{part:?} {role:?} {is_self}"
            );
        }
    }
}
