//! What the names of categories and subcategories refer to, as far as this isolate has seen.
//!
//! It may be outdated: who uses it guards the batch by it, and reads it anew when the guard does not hold.

use std::cell::RefCell;
use std::collections::HashMap;

use crate::desk::category::CategoryRef;
use crate::desk::tickets::ticket::{NamedRow, Subcategory};

/// More than that many names are not remembered: it begins anew.
const MAX_NAMES: usize = 1_000;

/// An active category.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KnownCategory {
    pub named: NamedRow,
    /// Whether agents work in it.
    pub has_agents: bool,
}

thread_local! {
    static CATEGORIES: RefCell<HashMap<CategoryRef, KnownCategory>> = RefCell::default();
    static SUBCATEGORIES: RefCell<HashMap<CategoryRef, Subcategory>> = RefCell::default();
}

/// The category of this name, if it is known.
pub fn category(name: &CategoryRef) -> Option<KnownCategory> {
    CATEGORIES.with_borrow(|known| known.get(name).cloned())
}

/// The subcategory of this name, if it is known.
pub fn subcategory(name: &CategoryRef) -> Option<Subcategory> {
    SUBCATEGORIES.with_borrow(|known| known.get(name).cloned())
}

/// Remembers what was read of the active category of this name: `None` if there is none.
pub fn remember_category(name: CategoryRef, found: Option<KnownCategory>) {
    CATEGORIES.with_borrow_mut(|known| remember(known, name, found));
}

/// Like [`remember_category`], for a subcategory.
pub fn remember_subcategory(name: CategoryRef, found: Option<Subcategory>) {
    SUBCATEGORIES.with_borrow_mut(|known| remember(known, name, found));
}

fn remember<T>(known: &mut HashMap<CategoryRef, T>, name: CategoryRef, found: Option<T>) {
    let Some(found) = found else {
        known.remove(&name);
        return;
    };
    if known.len() >= MAX_NAMES {
        known.clear();
    }
    known.insert(name, found);
}
