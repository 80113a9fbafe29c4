//! The desk's settings.

use crate::api::list::one;
use crate::app::call::Call;
use crate::app::retry::retry;
use crate::edge::db::Stmt;
use crate::http::error::Error;
use crate::http::input;
use crate::http::reply::Reply;
use crate::http::shape::{Field, Kind, Shape, Words};
use crate::store::commit::Answer;
use crate::store::settings as rows;

static AUTO_ASSIGN: Words = Words {
    list: &["off", "category", "least_loaded"],
    parse: |word| {
        ["off", "category", "least_loaded"]
            .into_iter()
            .find(|known| *known == word)
    },
};
static AGENT_SCOPE: Words = Words {
    list: &["category", "assigned", "all"],
    parse: |word| {
        ["category", "assigned", "all"]
            .into_iter()
            .find(|known| *known == word)
    },
};

/// The body of a change.
pub const CHANGE: Shape = Shape {
    name: "SettingsPatch",
    fields: &[
        Field::optional(
            "auto_assign",
            Kind::Word(&AUTO_ASSIGN),
            "How new tickets find an agent.",
        )
        .or(&["AUTO_ASSIGN"]),
        Field::optional(
            "agent_scope",
            Kind::Word(&AGENT_SCOPE),
            "Which tickets agents see.",
        )
        .or(&["AGENT_SCOPE"]),
        Field::optional(
            "reopen_window_days",
            Kind::Whole { min: 0, max: 3_650 },
            "For how many days a closed ticket may be reopened.",
        )
        .or(&["REOPEN_WINDOW_DAYS"]),
        Field::optional(
            "auto_close_days",
            Kind::Whole { min: 0, max: 3_650 },
            "After how many days a resolved ticket is closed.",
        )
        .or(&["AUTO_CLOSE_DAYS"]),
        Field::optional(
            "version",
            Kind::Whole {
                min: 1,
                max: i64::MAX,
            },
            "The version that the change was made on.",
        ),
    ],
};

/// `GET /admin/settings`.
pub async fn show(call: &Call<'_>) -> Result<Reply, Error> {
    let found = call.read(vec![rows::show()]).await?;
    one(found.first())
}

/// `PUT /admin/settings`.
pub async fn update(call: &Call<'_>) -> Result<Reply, Error> {
    let taken = input::body(call.request, &CHANGE)?;
    retry!(async {
        call.authorize().await?;
        // The version was read with the caller's authority.
        let version = call.settings().version;
        call.guard(version, Some(&taken))?;
        let stmt: Stmt = rows::update(
            version,
            taken.word("auto_assign"),
            taken.word("agent_scope"),
            taken.whole("reopen_window_days"),
            taken.whole("auto_close_days"),
            call.now(),
        );
        call.commit(vec![stmt], Answer::Row(rows::show())).await
    })
}
