//! What the body of a ticket refers to: a category, a subcategory, a project, an assignee.

use serde::Deserialize;
use serde_json::{Value, json};

use crate::app::category_cache::{self, KnownCategory};
use crate::desk::id::{Ref, name_key, uid_row_id};
use crate::desk::project;
use crate::desk::tickets::ticket::{NamedRow, Person, Subcategory};
use crate::edge::db::{Answers, Batch, Slot, Stmt};
use crate::http::error::Error;
use crate::http::input_values::Input;
use crate::store::categories::{self, subcategories};
use crate::store::projects;
use crate::store::sql::guard::Guard;
use crate::store::tickets::ticket;

pub(super) fn names_assignee(input: &Input) -> bool {
    input.reference("assignee").is_some() || input.choice("assignee").is_some()
}

/// A reference to a ticket as [`ticket_context::named`](crate::store::automation::ticket_context::named) reads it: its id,
/// its uid, its number or key.
pub(super) fn reference_cells(reference: &Ref) -> Value {
    match reference {
        Ref::Id(id) => json!([id, null, null]),
        Ref::Uid(uid) => json!([uid_row_id(uid), uid, null]),
        Ref::Number(name) | Ref::Key(name) => json!([null, null, name_key(name)]),
    }
}

fn find_category(input: &Input) -> Option<Stmt> {
    input.name("category").map(|name| categories::find_active(&name))
}

fn find_subcategory(input: &Input) -> Option<Stmt> {
    input
        .name("subcategory")
        .map(|name| subcategories::find_active(&name))
}

pub(super) fn find_assignee(input: &Input, me: i64) -> Result<Option<Stmt>, Error> {
    Ok(match (input.reference("assignee"), input.choice("assignee")) {
        (Some(reference), _) => Some(ticket::find_assignable(reference)),
        (None, Some(_)) => Some(ticket::find_assignable(&Ref::Id(me))),
        (None, None) => None,
    })
}

fn find_project(input: &Input) -> Result<Option<Stmt>, Error> {
    let named = match (input.reference("project"), input.text("project")) {
        (Some(reference), _) => reference.clone(),
        (None, Some(key)) => {
            let named = project::parse_ref(&key).filter(|named| matches!(named, Ref::Key(_)));
            named.ok_or_else(|| Error::field("project", NO_PROJECT))?
        }
        (None, None) => return Ok(None),
    };
    Ok(Some(projects::find_active(&named)))
}

const NO_PROJECT: &str = "is no active project";

/// Where a ticket belongs.
pub(super) struct TicketPlace {
    pub category: Option<NamedRow>,
    pub subcategory: Option<NamedRow>,
    pub project: Option<NamedRow>,
}

/// The place of a new ticket, if this isolate knows what the body refers to, and the body names nothing else.
pub(super) struct KnownPlace {
    category: Option<KnownCategory>,
    subcategory: Option<Subcategory>,
}

impl KnownPlace {
    pub(super) fn of(input: &Input) -> Option<KnownPlace> {
        if names_assignee(input) || input.reference("project").is_some() || input.text("project").is_some() {
            return None;
        }
        let category = match input.name("category") {
            Some(name) => Some(category_cache::category(&name)?),
            None => None,
        };
        let subcategory = match input.name("subcategory") {
            Some(name) => Some(category_cache::subcategory(&name)?),
            None => None,
        };
        // One of another category is left to the slow way, which says so.
        let is_within = subcategory.as_ref().is_none_or(|part| {
            category
                .as_ref()
                .is_some_and(|known| known.named.id == part.category_id)
        });
        is_within.then_some(KnownPlace {
            category,
            subcategory,
        })
    }

    /// Requires that all is still as this isolate knows it.
    pub(super) fn expect(&self, guard: &mut Guard) {
        if let Some(known) = &self.category {
            guard.expect(categories::find_known(&known.named, known.has_agents));
        }
        if let Some(known) = &self.subcategory {
            guard.expect(subcategories::find_known(known));
        }
    }

    /// The ticket's category, if it has no agents.
    pub(super) fn without_agents(&self) -> Option<i64> {
        let known = self.category.as_ref().filter(|known| !known.has_agents);
        known.map(|known| known.named.id)
    }

    pub(super) fn place(self) -> TicketPlace {
        TicketPlace {
            category: self.category.map(|known| known.named),
            subcategory: self.subcategory.map(|part| part.named),
            project: None,
        }
    }
}

/// The slots of what the body of a ticket refers to; None for a field that it does not have.
pub(super) struct ReferenceSlots {
    category: Option<Slot<FoundRow>>,
    subcategory: Option<Slot<FoundSubcategory>>,
    assignee: Option<Slot<FoundAssignee>>,
    project: Option<Slot<FoundRow>>,
}

#[derive(Deserialize)]
struct FoundRow {
    id: i64,
    name: String,
    /// Of a category: whether it has agents.
    #[serde(default)]
    has_agents: i64,
}

#[derive(Deserialize)]
struct FoundSubcategory {
    id: i64,
    name: String,
    category_id: i64,
}

/// A person to whom a ticket can be assigned.
#[derive(Deserialize)]
pub(super) struct FoundAssignee {
    id: i64,
    card: String,
}

impl ReferenceSlots {
    /// Adds the statements that find what the body refers to. `me` is the caller's id.
    pub(super) fn find(input: &Input, me: i64, batch: &mut Batch) -> Result<ReferenceSlots, Error> {
        Ok(ReferenceSlots {
            category: batch.add_optional(find_category(input)),
            subcategory: batch.add_optional(find_subcategory(input)),
            assignee: batch.add_optional(find_assignee(input, me)?),
            project: batch.add_optional(find_project(input)?),
        })
    }

    /// Where a new ticket belongs. The isolate remembers what the names of its category and subcategory refer to.
    pub(super) fn place(&self, input: &Input, found: &Answers) -> Result<TicketPlace, Error> {
        if let (Some(name), Some(slot)) = (input.name("category"), self.category) {
            let known = found.first(slot)?.map(|row| KnownCategory {
                has_agents: row.has_agents == 1,
                named: NamedRow {
                    id: row.id,
                    name: row.name,
                },
            });
            category_cache::remember_category(name, known);
        }
        let category = self.category(found)?;
        let subcategory = self.subcategory(found);
        if let Some(name) = input.name("subcategory") {
            let known = subcategory.as_ref().ok().cloned().flatten();
            category_cache::remember_subcategory(name, known);
        }
        let within = |part: Subcategory| part.within(category.as_ref());
        let subcategory = subcategory?.map(within).transpose()?;
        Ok(TicketPlace {
            category,
            subcategory,
            project: self.project(found)?,
        })
    }

    pub(super) fn category(&self, found: &Answers) -> Result<Option<NamedRow>, Error> {
        named(found, self.category, "category", "is no active category")
    }

    pub(super) fn subcategory(&self, found: &Answers) -> Result<Option<Subcategory>, Error> {
        let Some(slot) = self.subcategory else {
            return Ok(None);
        };
        let row = found.first(slot)?;
        let row = row.ok_or_else(|| Error::field("subcategory", "is no active subcategory"))?;
        Ok(Some(Subcategory {
            named: NamedRow {
                id: row.id,
                name: row.name,
            },
            category_id: row.category_id,
        }))
    }

    pub(super) fn assignee(&self, found: &Answers) -> Result<Option<Person>, Error> {
        self.assignee
            .map(|slot| read_assignee(found.first(slot)?))
            .transpose()
    }

    pub(super) fn project(&self, found: &Answers) -> Result<Option<NamedRow>, Error> {
        named(found, self.project, "project", NO_PROJECT)
    }
}

fn named(
    found: &Answers,
    slot: Option<Slot<FoundRow>>,
    field: &str,
    nothing: &str,
) -> Result<Option<NamedRow>, Error> {
    let Some(slot) = slot else { return Ok(None) };
    let row = found.first(slot)?.ok_or_else(|| Error::field(field, nothing))?;
    Ok(Some(NamedRow {
        id: row.id,
        name: row.name,
    }))
}

pub(super) fn read_assignee(row: Option<FoundAssignee>) -> Result<Person, Error> {
    let row = row.ok_or_else(|| Error::field("assignee", "is no active agent"))?;
    Ok(Person {
        id: row.id,
        card: serde_json::from_str(&row.card).unwrap_or(Value::Null),
    })
}
