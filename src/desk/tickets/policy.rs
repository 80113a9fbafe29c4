//! Permissions: which role, with which relation to a ticket, may do what with it.
//!
//! The access of a route is the coarse check, this is the fine one. The `match` over acts has no wildcard: a new act
//! does not compile until it is decided for every role.

use crate::desk::person::Role;

/// What a person wants to do with a ticket that they can see.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Act {
    EditText,
    /// Change priority, category, tags, department, workflow or custom fields.
    Triage,
    /// Assign the ticket to another person, or to nobody.
    Assign,
    /// Assign an unassigned ticket to oneself.
    Take,
    /// Transfer the ticket to another agent.
    Transfer,
    /// Change the status as staff do.
    Progress,
    /// Close or reopen one's own ticket.
    CloseOrReopen,
    /// Post a public message.
    Reply,
    /// Post an internal note.
    Note,
    /// Delete or restore the ticket.
    Delete,
    /// Take a text out of the ticket for good.
    Redact,
    /// Be told of it as its assignee is.
    Watch,
    /// Say how it is related to another ticket.
    Link,
    /// Merge it with another ticket, or undo that.
    Merge,
}

/// How a person is related to a ticket that they can see.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Relation {
    pub is_requester: bool,
    pub is_assignee: bool,
    pub is_unassigned: bool,
    /// The person is in copy of the ticket, and answers by mail.
    pub is_in_copy: bool,
}

/// Checks that the role may do this with a ticket that is in its scope.
///
/// # Errors
/// The message of the 403.
pub fn authorize(act: Act, role: Role, relation: Relation) -> Result<(), &'static str> {
    let customer_may = |act| match act {
        Act::EditText | Act::CloseOrReopen | Act::Watch => relation.is_requester,
        Act::Reply => relation.is_requester || relation.is_in_copy,
        Act::Triage
        | Act::Assign
        | Act::Take
        | Act::Transfer
        | Act::Progress
        | Act::Note
        | Act::Delete
        | Act::Redact
        | Act::Link
        | Act::Merge => false,
    };
    let agent_may = |act| match act {
        Act::EditText
        | Act::Triage
        | Act::Progress
        | Act::CloseOrReopen
        | Act::Reply
        | Act::Note
        | Act::Watch
        | Act::Link
        | Act::Merge => true,
        Act::Take => relation.is_unassigned || relation.is_assignee,
        Act::Transfer => relation.is_assignee,
        Act::Assign | Act::Delete | Act::Redact => false,
    };
    let manager_may = |act| match act {
        Act::EditText
        | Act::Triage
        | Act::Assign
        | Act::Take
        | Act::Transfer
        | Act::Progress
        | Act::CloseOrReopen
        | Act::Reply
        | Act::Note
        | Act::Watch
        | Act::Link
        | Act::Merge => true,
        Act::Delete | Act::Redact => false,
    };
    let allowed = match role {
        Role::Customer => customer_may(act),
        Role::Agent => agent_may(act),
        Role::Manager => manager_may(act),
        Role::Admin => true,
    };
    if allowed { Ok(()) } else { Err(denial_message(act)) }
}

fn denial_message(act: Act) -> &'static str {
    match act {
        Act::EditText => "you may not change this ticket",
        Act::Triage => "only staff may change priority, category, tags or department",
        Act::Assign => "only managers and admins may assign tickets to others",
        Act::Take => "this ticket is somebody else's; ask for a transfer",
        Act::Transfer => "only the assignee, managers and admins may transfer a ticket",
        Act::Progress => "only staff may set this status",
        Act::CloseOrReopen => "only the requester and staff may close or reopen a ticket",
        Act::Reply => "you may not answer this ticket",
        Act::Note => "internal notes are for staff",
        Act::Delete => "only admins may delete tickets",
        Act::Redact => "only admins may redact tickets",
        Act::Watch => "customers may watch their own tickets",
        Act::Link => "only staff may link tickets",
        Act::Merge => "only staff may merge tickets",
    }
}

/// Whether this role may see internal notes and everything derived from them.
pub fn may_read_internal(role: Role) -> bool {
    role.is_staff()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_of_permissions() {
        let own = Relation {
            is_requester: true,
            ..Relation::default()
        };
        let mine = Relation {
            is_assignee: true,
            ..Relation::default()
        };
        let pool = Relation {
            is_unassigned: true,
            ..Relation::default()
        };
        let other = Relation::default();
        use Role::*;
        for (act, role, relation, want) in [
            (Act::EditText, Customer, own, true),
            (Act::EditText, Customer, other, false),
            (Act::EditText, Agent, other, true),
            (Act::Triage, Customer, own, false),
            (Act::Triage, Agent, other, true),
            (Act::Assign, Customer, own, false),
            (Act::Assign, Agent, mine, false),
            (Act::Assign, Manager, other, true),
            (Act::Take, Agent, pool, true),
            (Act::Take, Agent, mine, true),
            (Act::Take, Agent, other, false),
            (Act::Take, Manager, other, true),
            (Act::Transfer, Agent, mine, true),
            (Act::Transfer, Agent, pool, false),
            (Act::Transfer, Manager, other, true),
            (Act::Progress, Customer, own, false),
            (Act::Progress, Agent, other, true),
            (Act::CloseOrReopen, Customer, own, true),
            (Act::CloseOrReopen, Customer, other, false),
            (Act::Reply, Customer, own, true),
            (Act::Reply, Agent, other, true),
            (Act::Note, Customer, own, false),
            (Act::Note, Agent, other, true),
            (Act::Watch, Customer, own, true),
            (Act::Watch, Customer, other, false),
            (Act::Watch, Agent, other, true),
            (Act::Link, Customer, own, false),
            (Act::Link, Agent, other, true),
            (Act::Merge, Customer, own, false),
            (Act::Merge, Agent, other, true),
            (Act::Merge, Manager, other, true),
            (Act::Delete, Customer, own, false),
            (Act::Delete, Agent, mine, false),
            (Act::Delete, Manager, other, false),
            (Act::Delete, Admin, other, true),
        ] {
            assert_eq!(
                authorize(act, role, relation).is_ok(),
                want,
                "{act:?} {role:?} {relation:?}"
            );
        }
    }

    #[test]
    fn only_staff_read_what_is_internal() {
        assert_eq!(Role::ALL.map(may_read_internal), [false, true, true, true]);
    }
}
