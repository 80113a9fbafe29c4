//! Which walks down which indexes give a list, the newest first?

use crate::desk::fold::fold;
use crate::desk::tickets::status::Status;
use crate::store::sql::scope::Scope;
use crate::store::tickets::list::filter::{SqlBuilder, TicketFilter, email_id, row_id, user_id};
use crate::store::tickets::list::query::TicketQuery;
use crate::store::tickets::ticket::Viewer;

/// One walk down an index: what it reads from, the column that orders its rows among equal index keys, and the
/// condition that the index serves.
pub struct IndexWalk {
    pub from: String,
    pub id: &'static str,
    pub condition: String,
}

impl IndexWalk {
    /// A walk down a named index of tickets. The index is named explicitly so that statistics never change the query
    /// plan.
    pub fn on_index(index: &str, condition: impl Into<String>) -> IndexWalk {
        IndexWalk {
            from: format!("tickets t INDEXED BY {index}"),
            id: "t.id",
            condition: condition.into(),
        }
    }

    /// A walk over the tickets that have a facet (an expression).
    pub fn on_facet(facet: String) -> IndexWalk {
        IndexWalk {
            from: "ticket_facets g CROSS JOIN tickets t ON t.id = g.ticket_id".to_owned(),
            id: "g.ticket_id",
            condition: format!("g.facet = {facet}"),
        }
    }

    /// All tickets, newest first.
    pub fn all() -> IndexWalk {
        IndexWalk {
            from: "tickets t NOT INDEXED".to_owned(),
            id: "t.id",
            condition: "1".to_owned(),
        }
    }
}

/// How much a filter's own index narrows a list; a smaller number is better. `None`: the filter has no useful index,
/// so the list is walked newest first.
fn narrowness(filter: &TicketFilter) -> Option<u8> {
    match filter {
        TicketFilter::Requester(_) | TicketFilter::RequesterEmail(_) => Some(1),
        TicketFilter::Tag(_) | TicketFilter::Custom(_) => Some(2),
        TicketFilter::Assignee(_) => Some(3),
        TicketFilter::Subcategory(_) | TicketFilter::SubcategorySlug(_) => Some(4),
        TicketFilter::Project(_) | TicketFilter::ProjectKey(_) => Some(5),
        TicketFilter::Department(_) => Some(6),
        TicketFilter::Category(_) | TicketFilter::CategorySlug(_) => Some(7),
        TicketFilter::Unassigned => Some(8),
        TicketFilter::Overdue(true) => Some(9),
        // A filter by most of the words matches most tickets, so walking no index is better.
        TicketFilter::Status(words) if words.len() <= 4 => Some(10),
        TicketFilter::Priority(ranks) if ranks.len() <= 2 => Some(11),
        TicketFilter::HasAttachment(true) => Some(3),
        TicketFilter::Workflow("project") => Some(5),
        _ => None,
    }
}

/// The tickets among which a list is found, from the newest down.
pub enum Source {
    /// Walks that share no ticket.
    Walks(Vec<IndexWalk>),
    /// Everything that an agent works on: short walks, one for each of the agent's categories, for what is assigned to
    /// the agent, and for what is assigned to nobody if the agent has no category. They may share tickets.
    Worklist,
}

/// Where a list is found, and what has to be tested on the way.
pub struct Candidates<'a> {
    pub source: Source,
    pub tests: Vec<&'a TicketFilter>,
    /// The reader's scope has to be tested, too.
    pub tests_scope: bool,
}

/// All ranks of priorities.
const RANKS: [i64; 4] = [1, 2, 3, 4];

/// Walks down the index of statuses and priorities.
fn by_status(words: &[&str], ranks: &[i64]) -> Vec<IndexWalk> {
    let pairs = words
        .iter()
        .flat_map(|word| ranks.iter().map(move |rank| (word, rank)));
    pairs
        .map(|(word, rank)| {
            IndexWalk::on_index(
                "tickets_by_status",
                format!("t.status = '{word}' AND t.priority = {rank}"),
            )
        })
        .collect()
}

/// Walks down the index of assignees and statuses.
pub fn by_assignee(whose: &str, words: &[&str]) -> Vec<IndexWalk> {
    let walk =
        |word: &&str| IndexWalk::on_index("tickets_by_assignee", format!("{whose} AND t.status = '{word}'"));
    words.iter().map(walk).collect()
}

/// The filter whose walks read the fewest tickets.
fn narrowest(filters: &[TicketFilter]) -> Option<&TicketFilter> {
    let (_, best) = filters
        .iter()
        .filter_map(|filter| Some((narrowness(filter)?, filter)))
        .min_by_key(|(rank, _)| *rank)?;
    // What is not resolved is little, whatever the category.
    let is_unresolved = |filter: &&TicketFilter| match filter {
        TicketFilter::Status(words) => {
            words.len() <= 4 && !words.iter().any(|word| ["resolved", "closed"].contains(word))
        }
        _ => false,
    };
    match best {
        TicketFilter::Category(_) | TicketFilter::CategorySlug(_) => {
            filters.iter().find(is_unresolved).or(Some(best))
        }
        _ => Some(best),
    }
}

/// Plans a list that is ordered from the newest down.
pub fn candidates<'a>(reader: &Viewer, sql: &mut SqlBuilder, query: &'a TicketQuery) -> Candidates<'a> {
    let filters = &query.filters;
    let all = || filters.iter().collect::<Vec<_>>();
    let words = filters.iter().find_map(|filter| match filter {
        TicketFilter::Status(words) => Some(words.as_slice()),
        _ => None,
    });
    let ranks = filters.iter().find_map(|filter| match filter {
        TicketFilter::Priority(ranks) => Some(ranks.as_slice()),
        _ => None,
    });
    let is_status = |filter: &&TicketFilter| matches!(filter, TicketFilter::Status(_));
    let is_priority = |filter: &&TicketFilter| matches!(filter, TicketFilter::Priority(_));
    if filters
        .iter()
        .any(|filter| matches!(filter, TicketFilter::Mine(_)))
    {
        let mut walks = by_assignee("t.assignee_id = ?3", words.unwrap_or(&Status::WORDS));
        walks.push(IndexWalk::on_index(
            "tickets_by_requester",
            "t.requester_id = ?3 AND t.assignee_id IS NOT ?3",
        ));
        let is_mine = |filter: &&TicketFilter| matches!(filter, TicketFilter::Mine(_));
        return Candidates {
            source: Source::Walks(walks),
            tests: filters.iter().filter(|filter| !is_mine(filter)).collect(),
            tests_scope: false,
        };
    }
    let is_worklist = match reader.scope {
        Scope::Own => {
            let walk = IndexWalk::on_index("tickets_by_requester", "t.requester_id = ?3");
            return Candidates {
                source: Source::Walks(vec![walk]),
                tests: all(),
                tests_scope: false,
            };
        }
        Scope::All => false,
        Scope::Category | Scope::Assigned => true,
    };
    let Some(best) = narrowest(filters) else {
        let source = match reader.scope {
            Scope::Category if filters.is_empty() => Source::Worklist,
            Scope::Assigned => {
                let mut walks = by_assignee("t.assignee_id = ?3", &Status::WORDS);
                walks.extend(by_assignee("t.assignee_id IS NULL", &Status::WORDS));
                Source::Walks(walks)
            }
            _ => Source::Walks(vec![IndexWalk::all()]),
        };
        let tests_scope = reader.scope == Scope::Category && matches!(source, Source::Walks(_));
        return Candidates {
            source,
            tests: all(),
            tests_scope,
        };
    };
    let not_best = filters.iter().filter(|filter| *filter != best);
    let (walks, tests) = match best {
        TicketFilter::Assignee(reference) => {
            let whose = format!("t.assignee_id = {}", user_id(sql, reference));
            let walks = by_assignee(&whose, words.unwrap_or(&Status::WORDS));
            (walks, not_best.filter(|filter| !is_status(filter)).collect())
        }
        TicketFilter::Unassigned => {
            let walks = by_assignee("t.assignee_id IS NULL", words.unwrap_or(&Status::WORDS));
            (walks, not_best.filter(|filter| !is_status(filter)).collect())
        }
        TicketFilter::Status(words) => {
            let walks = by_status(words, ranks.unwrap_or(&RANKS));
            (walks, not_best.filter(|filter| !is_priority(filter)).collect())
        }
        TicketFilter::Priority(ranks) => {
            let walks = by_status(words.unwrap_or(&Status::WORDS), ranks);
            (walks, not_best.filter(|filter| !is_status(filter)).collect())
        }
        _ => (index_walks(sql, best), not_best.collect()),
    };
    Candidates {
        source: Source::Walks(walks),
        tests,
        tests_scope: is_worklist,
    }
}

/// The walks down a filter's own index: they share no ticket, and each goes from the newest down.
pub fn index_walks(sql: &mut SqlBuilder, filter: &TicketFilter) -> Vec<IndexWalk> {
    let one = |walk| vec![walk];
    match filter {
        TicketFilter::Requester(reference) => {
            one(IndexWalk::on_index("tickets_by_requester", format!("t.requester_id = {}", user_id(sql, reference))))
        }
        TicketFilter::RequesterEmail(email) => {
            one(IndexWalk::on_index("tickets_by_requester", format!("t.requester_id = {}", email_id(sql, email))))
        }
        TicketFilter::Tag(tag) => one(IndexWalk::on_facet(format!("'t:' || {}", sql.arg(fold(tag))))),
        TicketFilter::Custom(facet) => one(IndexWalk::on_facet(sql.arg(facet))),
        TicketFilter::Assignee(reference) => {
            by_assignee(&format!("t.assignee_id = {}", user_id(sql, reference)), &Status::WORDS)
        }
        TicketFilter::Unassigned => by_assignee("t.assignee_id IS NULL", &Status::WORDS),
        TicketFilter::Subcategory(reference) => one(IndexWalk::on_facet(format!(
            "'s:' || CAST({} AS INTEGER)",
            row_id(sql, "subcategories", reference)
        ))),
        TicketFilter::SubcategorySlug(slug) => one(IndexWalk::on_facet(format!(
            "'s:' || (SELECT id FROM subcategories WHERE slug = {})",
            sql.arg(slug)
        ))),
        TicketFilter::Project(reference) => one(IndexWalk::on_facet(format!(
            "'p:' || CAST({} AS INTEGER)",
            row_id(sql, "projects", reference)
        ))),
        TicketFilter::ProjectKey(key) => one(IndexWalk::on_facet(format!(
            "'p:' || (SELECT id FROM projects WHERE key = {})",
            sql.arg(key)
        ))),
        TicketFilter::Department(name) => one(IndexWalk::on_facet(format!("'d:' || {}", sql.arg(fold(name))))),
        TicketFilter::Workflow("project") => one(IndexWalk::on_facet("'w'".to_owned())),
        TicketFilter::HasAttachment(true) => one(IndexWalk {
            condition: "g.facet = 'f' AND t.attachment_count > 0".to_owned(),
            ..IndexWalk::on_facet(String::new())
        }),
        TicketFilter::Category(reference) => {
            one(IndexWalk::on_index("tickets_by_category", format!("t.category_id = {}", row_id(sql, "categories", reference))))
        }
        TicketFilter::CategorySlug(slug) => one(IndexWalk::on_index(
            "tickets_by_category",
            format!("t.category_id = (SELECT id FROM categories WHERE slug = {})", sql.arg(slug)),
        )),
        TicketFilter::Status(words) => by_status(words, &RANKS),
        TicketFilter::Priority(ranks) => by_status(&Status::WORDS, ranks),
        // Overdue tickets are the marked ones, and the few that the periodic sweep has not marked yet.
        TicketFilter::Overdue(true) => vec![
            IndexWalk {
                condition: "g.facet = 'o' AND t.is_overdue = 1".to_owned(),
                ..IndexWalk::on_facet(String::new())
            },
            IndexWalk {
                condition: "t.id IN (SELECT id FROM tickets INDEXED BY tickets_by_alarm WHERE alarm_at <= ?1 AND deleted_at IS NULL \
                  AND is_overdue = 0 AND resolved_at IS NULL AND paused_at IS NULL AND resolution_due_at < ?1)"
                    .to_owned(),
                ..IndexWalk::all()
            },
        ],
        _ => one(IndexWalk::all()),
    }
}
