use serde_json::json;

use super::*;

fn named(id: i64, name: &str) -> Named {
    Named {
        id,
        name: name.to_owned(),
    }
}

fn part(id: i64, category_id: i64) -> Subcategory {
    Subcategory {
        named: named(id, &format!("part {id}")),
        category_id,
    }
}

/// Category and subcategory before, what is wanted of both, and what they are after; `None`: refused.
type Place = (Option<i64>, Option<i64>);
type Wanted = (Option<Option<i64>>, Option<Option<(i64, i64)>>);

#[test]
fn a_subcategory_goes_with_its_category() {
    let rules = Rules {
        reopen_window_days: 7,
        promises: Rc::new(Promises::standard()),
    };
    let agent = Actor {
        id: 2,
        role: Role::Agent,
        card: json!({}),
    };
    let table: [(Place, Wanted, Option<Place>); 10] = [
        (
            (Some(1), None),
            (None, Some(Some((11, 1)))),
            Some((Some(1), Some(11))),
        ),
        (
            (Some(1), Some(11)),
            (None, Some(Some((12, 1)))),
            Some((Some(1), Some(12))),
        ),
        ((Some(1), Some(11)), (None, Some(None)), Some((Some(1), None))),
        ((Some(1), Some(11)), (Some(Some(2)), None), Some((Some(2), None))),
        (
            (Some(1), Some(11)),
            (Some(Some(1)), None),
            Some((Some(1), Some(11))),
        ),
        ((Some(1), Some(11)), (Some(None), None), Some((None, None))),
        (
            (Some(1), Some(11)),
            (Some(Some(2)), Some(Some((21, 2)))),
            Some((Some(2), Some(21))),
        ),
        ((Some(1), None), (None, Some(Some((21, 2)))), None),
        ((Some(1), Some(11)), (Some(Some(2)), Some(Some((11, 1)))), None),
        ((None, None), (None, Some(Some((11, 1)))), None),
    ];
    for (before, (category, subcategory), want) in table {
        let mut ticket = Ticket::opened("Title", "Description", 9, 1_000);
        ticket.category = before.0.map(|id| named(id, "category"));
        ticket.subcategory = before.1.map(|id| named(id, "part"));
        let edit = Edit {
            category: category.map(|id| id.map(|id| named(id, "category"))),
            subcategory: subcategory.map(|it| it.map(|(id, of)| part(id, of))),
            ..Edit::default()
        };
        let got = decide(&ticket, &edit, &agent, &rules, 2_000).ok().map(|change| {
            let id = |named: Option<Named>| named.map(|named| named.id);
            (id(change.ticket.category), id(change.ticket.subcategory))
        });
        assert_eq!(got, want, "{before:?} {category:?} {subcategory:?}");
    }
}
