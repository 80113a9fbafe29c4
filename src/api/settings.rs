//! The settings of the help desk.

use crate::api::list::show_resource;
use crate::app::call::Call;
use crate::app::call::waiting::MANY_PLACES;
use crate::app::retry::retry;
use crate::http::error::Error;
use crate::http::input;
use crate::http::reply::Reply;
use crate::http::shape::{Choices, Field, Kind, Shape};
use crate::store::commit::CommitReply;
use crate::store::settings::{self as rows, SettingsPatch};
use crate::store::tickets::assignment::pool::Free;
use crate::store::tickets::relations::watchers;

static AUTO_ASSIGN: Choices = Choices {
    list: &["off", "category", "least_loaded"],
    parse: |word| {
        ["off", "category", "least_loaded"]
            .into_iter()
            .find(|known| *known == word)
    },
};
static AGENT_SCOPE: Choices = Choices {
    list: &["category", "assigned", "all"],
    parse: |word| {
        ["category", "assigned", "all"]
            .into_iter()
            .find(|known| *known == word)
    },
};

static REQUIRE_TWO_FACTOR: Choices = Choices {
    list: &["off", "staff", "all"],
    parse: |word| ["off", "staff", "all"].into_iter().find(|known| *known == word),
};

/// The body of an update of the settings.
pub const EDIT: Shape = Shape {
    name: "SettingsPatch",
    fields: &[
        Field::optional(
            "auto_assign",
            Kind::Choice(&AUTO_ASSIGN),
            "How new tickets find an agent.",
        )
        .or(&["AUTO_ASSIGN"]),
        Field::optional(
            "agent_scope",
            Kind::Choice(&AGENT_SCOPE),
            "Which tickets agents see.",
        )
        .or(&["AGENT_SCOPE"]),
        Field::optional(
            "reopen_window_days",
            Kind::Integer { min: 0, max: 3_650 },
            "For how many days a closed ticket may be reopened.",
        )
        .or(&["REOPEN_WINDOW_DAYS"]),
        Field::optional(
            "auto_close_days",
            Kind::Integer { min: 0, max: 3_650 },
            "After how many days a resolved ticket is closed.",
        )
        .or(&["AUTO_CLOSE_DAYS"]),
        Field::optional(
            "acknowledge",
            Kind::Flag,
            "Whether requesters are mailed the number of a ticket that came by mail or was opened for them.",
        ),
        Field::optional(
            "require_two_factor",
            Kind::Choice(&REQUIRE_TWO_FACTOR),
            "Who does nothing without two-factor sign-in but set it up.",
        ),
        Field::optional(
            "version",
            Kind::Integer {
                min: 1,
                max: i64::MAX,
            },
            "The version that the change was made on.",
        ),
    ],
};

/// `GET /admin/settings`.
pub async fn show(call: &Call<'_>) -> Result<Reply, Error> {
    show_resource(call, rows::show()).await
}

/// `PUT /admin/settings`.
pub async fn update(call: &Call<'_>) -> Result<Reply, Error> {
    let input = input::parse_body(call.request, &EDIT)?;
    retry!(async {
        call.authorize().await?;
        // This version was read together with the caller's authority.
        let version = call.settings().version;
        call.check_version(version, Some(&input))?;
        let patch = SettingsPatch {
            auto_assign: input.choice("auto_assign"),
            agent_scope: input.choice("agent_scope"),
            reopen_window_days: input.integer("reopen_window_days"),
            auto_close_days: input.integer("auto_close_days"),
            acknowledge: input.flag("acknowledge"),
            require_two_factor: input.choice("require_two_factor"),
        };
        let mut stmts = vec![rows::update(version, patch, call.now())];
        stmts.extend(input.has("agent_scope").then(watchers::drop_all_unseen));
        let reply = call.commit(stmts, CommitReply::Row(rows::show())).await?;
        if input.has("auto_assign") {
            call.assign_waiting(Free::Anybody, MANY_PLACES).await;
        }
        Ok(reply)
    })
}
