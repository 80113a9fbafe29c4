//! The accounts and texts of the sample data.

use crate::desk::person::Role;

/// Email address, password, name, role, and the categories of agents.
pub(super) type SampleAccount = (&'static str, &'static str, &'static str, Role, &'static [i64]);

/// All sample accounts.
pub(super) const ACCOUNTS: [SampleAccount; 11] = [
    ("admin@helpdesk.com", "admin123", "Ada Admin", Role::Admin, &[]),
    (
        "agent@helpdesk.com",
        "agent123",
        "Alex Agent",
        Role::Agent,
        &[1, 3],
    ),
    ("john@example.com", "customer123", "John Doe", Role::Customer, &[]),
    ("jane@example.com", "customer123", "Jane Roe", Role::Customer, &[]),
    ("admin@company.com", "password", "Company Admin", Role::Admin, &[]),
    (
        "manager@helpdesk.com",
        "manager123",
        "Mara Manager",
        Role::Manager,
        &[],
    ),
    ("sarah@helpdesk.com", "agent123", "Sarah Chen", Role::Agent, &[1]),
    (
        "mike@helpdesk.com",
        "agent123",
        "Mike Torres",
        Role::Agent,
        &[1, 2],
    ),
    ("emily@helpdesk.com", "agent123", "Emily Stone", Role::Agent, &[2]),
    ("david@helpdesk.com", "agent123", "David Kim", Role::Agent, &[3]),
    ("lisa@helpdesk.com", "agent123", "Lisa Novak", Role::Agent, &[4]),
];

/// Title, description, category.
pub(super) const SUBJECTS: [(&str, &str, i64); 12] = [
    (
        "Cannot log in after the update",
        "Since this morning the login page says that my session has expired.",
        1,
    ),
    (
        "Invoice shows the wrong address",
        "The invoice of last month still has our old office on it.",
        2,
    ),
    (
        "Printer on the third floor is offline",
        "It answers to ping, but every job stays in the queue.",
        1,
    ),
    (
        "How do I invite a colleague?",
        "I found no button for it on the team page.",
        3,
    ),
    (
        "Please add dark mode",
        "Working at night would be easier on the eyes.",
        4,
    ),
    (
        "Charged twice for one order",
        "My card statement shows the same amount on two days.",
        2,
    ),
    (
        "Export stops at 1,000 rows",
        "The file ends in the middle, without any message.",
        1,
    ),
    (
        "Where are my old tickets?",
        "I can only see those of this year.",
        3,
    ),
    (
        "VPN drops every few minutes",
        "It began with the new router. Restarting helps for a while.",
        1,
    ),
    (
        "Refund for a cancelled plan",
        "We cancelled within the trial, and were charged all the same.",
        2,
    ),
    (
        "Keyboard shortcuts for the inbox",
        "Could there be one for the next unread message?",
        4,
    ),
    (
        "Mail arrives hours late",
        "Notifications of yesterday came in tonight.",
        1,
    ),
];

/// The subcategories of the first two categories.
pub(super) const SUBCATEGORIES: [(i64, &str); 5] = [
    (1, "Network"),
    (1, "Hardware"),
    (1, "Software"),
    (2, "Invoices"),
    (2, "Refunds"),
];

/// Agents who are away and get no new tickets.
pub(super) const AWAY_AGENT: &str = "david@helpdesk.com";
