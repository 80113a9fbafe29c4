//! People from a file. Nobody who is known is changed, and nobody gets a password: each claims the account by a reset.

use crate::api::auth::account::read_names;
use crate::api::data::imports::report::Report;
use crate::api::data::imports::sheet::{Seen, Sheet};
use crate::api::data::imports::{Plan, lists};
use crate::app::call::Call;
use crate::desk::fold::caseless;
use crate::desk::person::Role;
use crate::edge::db::{Batch, TextRow};
use crate::http::error::{Error, FieldErrorList};
use crate::http::input_values::Input;
use crate::http::shape::{Field, Kind, Shape, choices};
use crate::store::data::imports::Unique;
use crate::store::data::imports::people::{self as rows, ImportedPerson};

const NAME: Kind = Kind::Line { min: 0, max: 100 };

/// The columns of a file of people.
pub(super) const ROW: Shape = Shape {
    name: "ImportedUser",
    fields: &[
        Field::required("email", Kind::Email, "").or(&["e_mail", "email_address", "mail"]),
        Field::optional("external_id", Kind::Line { min: 1, max: 100 }, "").or(&["user_id", "id"]),
        Field::optional("username", Kind::Username, "").or(&["login"]),
        Field::optional("first_name", NAME, ""),
        Field::optional("last_name", NAME, ""),
        Field::optional("full_name", Kind::Line { min: 0, max: 200 }, "").or(&["name"]),
        Field::optional("role", Kind::Choice(&choices::ROLE), ""),
        Field::optional("department", Kind::Line { min: 1, max: 100 }, ""),
        Field::optional("phone", Kind::Line { min: 1, max: 50 }, "").or(&["telephone", "mobile"]),
        Field::optional("created_at", Kind::Time, "").or(&["created"]),
    ],
};

/// Who is there already.
struct KnownPeople {
    emails: Seen,
    usernames: Seen,
    external_ids: Seen,
}

/// Decides about each row.
pub(super) async fn plan(call: &Call<'_>, sheet: &Sheet<'_>) -> Result<Plan, Error> {
    let mut report = Report::default();
    let mut good: Vec<(usize, Input)> = Vec::new();
    for (line, row) in sheet.rows() {
        match row {
            Ok(input) => good.push((line, input)),
            Err(why) => report.refuse(line, why),
        }
    }
    let known = find_known(call, &good).await?;
    let (mut emails, mut usernames, mut external_ids) = (Seen::default(), Seen::default(), Seen::default());
    let mut people = Vec::new();
    for (line, input) in good {
        let email = caseless(&input.required("email"));
        let external_id = input.text("external_id");
        if known.emails.has(&email) || external_id.as_ref().is_some_and(|id| known.external_ids.has(id)) {
            report.keep();
            continue;
        }
        let username = input.text("username").map(|name| caseless(&name));
        let check = || -> Result<(), FieldErrorList> {
            emails.check("email", &email)?;
            if let Some(id) = &external_id {
                external_ids.check("external_id", id)?;
            }
            let Some(username) = &username else {
                return Ok(());
            };
            if known.usernames.has(username) {
                return Err(vec![(
                    "username".to_owned(),
                    "belongs to somebody else".to_owned(),
                )]);
            }
            usernames.check("username", username)
        };
        if let Err(why) = check() {
            report.refuse(line, why);
            continue;
        }
        let created_at = input.time("created_at").unwrap_or(call.now());
        if !(0..=call.now()).contains(&created_at) {
            report.refuse(
                line,
                vec![("created_at".to_owned(), "must be in the past".to_owned())],
            );
            continue;
        }
        let (first, last) = read_names(&input);
        report.create();
        emails.note(&email, line);
        if let Some(id) = &external_id {
            external_ids.note(id, line);
        }
        if let Some(username) = &username {
            usernames.note(username, line);
        }
        people.push(ImportedPerson {
            uid: call.uid()?,
            email: input.required("email"),
            username: input.text("username"),
            first_name: first.unwrap_or_default(),
            last_name: last.unwrap_or_default(),
            role: input
                .choice("role")
                .and_then(Role::parse)
                .unwrap_or(Role::Customer),
            department: input.text("department"),
            phone: input.text("phone"),
            external_id,
            created_at,
        });
    }
    let mut stmts = Vec::new();
    let texts = |of: fn(&ImportedPerson) -> Option<String>| people.iter().filter_map(of).collect::<Vec<_>>();
    for (unique, values) in [
        (Unique::Email, texts(|person| Some(caseless(&person.email)))),
        (
            Unique::Username,
            texts(|person| person.username.as_deref().map(caseless)),
        ),
        (Unique::UserExternalId, texts(|person| person.external_id.clone())),
    ] {
        stmts.extend(lists(&values).iter().map(|list| unique.expect_none(list)));
    }
    stmts.extend(rows::insert(&people, call.now()));
    Ok(Plan { stmts, report })
}

async fn find_known(call: &Call<'_>, good: &[(usize, Input)]) -> Result<KnownPeople, Error> {
    let texts =
        |name: &str| -> Vec<String> { good.iter().filter_map(|(_, input)| input.text(name)).collect() };
    let lower = |name: &str| -> Vec<String> { texts(name).iter().map(|text| caseless(text)).collect() };
    let mut batch = Batch::new();
    let mut find = |unique: Unique, values: &[String]| -> Vec<_> {
        lists(values)
            .iter()
            .map(|list| batch.add::<TextRow>(unique.find(list)))
            .collect()
    };
    let slots = [
        find(Unique::Email, &lower("email")),
        find(Unique::Username, &lower("username")),
        find(Unique::UserExternalId, &texts("external_id")),
    ];
    let found = call.read(batch).await?;
    let mut sets = [Seen::default(), Seen::default(), Seen::default()];
    for (slots, set) in slots.iter().zip(&mut sets) {
        for slot in slots {
            set.know(found.all(*slot)?);
        }
    }
    let [emails, usernames, external_ids] = sets;
    Ok(KnownPeople {
        emails,
        usernames,
        external_ids,
    })
}
