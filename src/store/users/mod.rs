//! Which SQL reads and writes users, both customers and staff? Agents' profiles and categories are in [`agents`], lists
//! in [`list`], and how people are found by name in [`search`].
//! Not allowed here: running the statements, HTTP, and deciding who may make a change.

pub mod agents;
pub mod closing;
pub mod list;
pub mod search;

use serde::Deserialize;

use crate::desk::fold::{caseless, fold, fold_name};
use crate::desk::id::Ref;
use crate::desk::person::{Role, username_from_email};
use crate::edge::db::{Arg, Stmt};
use crate::http::shape::choices;
use crate::store::access::api_keys;
use crate::store::settings;
pub(super) use crate::store::sql::reference::ref_column;
use crate::store::sql::view::{Out, View, field, nullable};
use crate::store::tickets::relations::watchers;

/// A user, in the form that the user themself and admins see.
pub const USER: View = View {
    name: "User",
    fields: &[
        field("id", "u.id", Out::Int),
        field("uid", "u.uid", Out::Text),
        field("email", "u.email", Out::Text),
        field("email_verified", "u.email_verified_at IS NOT NULL", Out::Flag)
            .doc("Mails are sent to an address only once it is known to be somebody's own."),
        field("username", "u.username", Out::Text),
        field("first_name", "u.first_name", Out::Text),
        field("last_name", "u.last_name", Out::Text),
        field("full_name", "u.full_name", Out::Text),
        field("role", "u.role", Out::Word(&choices::ROLE)),
        field("permissions", "$PERMISSIONS", Out::Json("Permissions")).doc("What the role may do."),
        field("is_active", "u.is_active", Out::Flag),
        field("two_factor", "u.two_factor", Out::Flag).doc("A sign-in asks for a code, too."),
        nullable("department", "u.department", Out::Text),
        nullable("phone", "u.phone", Out::Text),
        nullable("avatar_url", "u.avatar_url", Out::Text),
        nullable("external_id", "u.external_id", Out::Text)
            .doc("The id in the system that the person was imported from."),
        field("version", "u.version", Out::Int),
        field("created_at", "u.created_at", Out::Time),
        field("updated_at", "u.updated_at", Out::Time),
        nullable("last_login_at", "u.last_login_at", Out::Time),
    ],
};

/// The short form of a user, for staff who choose a person from a list.
pub const SUMMARY: View = View {
    name: "UserSummary",
    fields: &[
        field("id", "u.id", Out::Int),
        field("uid", "u.uid", Out::Text),
        field("username", "u.username", Out::Text),
        field("full_name", "u.full_name", Out::Text),
        field("email", "u.email", Out::Text),
        field("role", "u.role", Out::Word(&choices::ROLE)),
        field("is_active", "u.is_active", Out::Flag),
        nullable("department", "u.department", Out::Text),
        nullable("avatar_url", "u.avatar_url", Out::Text),
    ],
};

/// The SQL that builds a [`USER`].
pub fn user_json() -> String {
    let whens: Vec<String> = Role::ALL
        .iter()
        .map(|role| {
            format!(
                "WHEN '{}' THEN '[\"{}\"]'",
                role.as_str(),
                role.permissions().join("\",\"")
            )
        })
        .collect();
    USER.sql()
        .replace("$PERMISSIONS", &format!("CASE u.role {} END", whens.join(" ")))
}

/// The columns of a user that the checks before a change of the account need.
#[derive(Clone, Debug, Deserialize)]
pub struct Account {
    pub id: i64,
    pub role: String,
    pub ver: i64,
    pub version: i64,
    pub is_active: i64,
    pub email_key: String,
    pub password_hash: Option<String>,
}

const ACCOUNT: &str = "SELECT id, role, ver, version, is_active, email_key, password_hash FROM users";

/// Finds the account for a login name: an email address or a username, in lower case.
pub fn account_by_name(name: &str) -> Stmt {
    let column = if name.contains('@') {
        "email_key"
    } else {
        "username_key"
    };
    Stmt::new(format!("{ACCOUNT} WHERE {column} = ?1")).bind(name)
}

/// Finds an account by its id or uid.
pub fn account(reference: &Ref) -> Stmt {
    let (column, arg) = ref_column(reference);
    Stmt::new(format!("{ACCOUNT} WHERE {column} = ?1")).bind(arg)
}

/// Selects one user: `j` (a [`USER`]), `v` (the version) and `id`.
pub fn show(reference: &Ref) -> Stmt {
    let (column, arg) = ref_column(reference);
    Stmt::new(format!(
        "SELECT {} AS j, u.version AS v, u.id AS id FROM users u WHERE u.{column} = ?1",
        user_json()
    ))
    .bind(arg)
}

/// Like [`show`], by uid: for a user created earlier in the same batch.
pub fn show_uid(uid: &str) -> Stmt {
    show(&Ref::Uid(uid.to_owned()))
}

/// A user to be created.
#[derive(Clone, Debug)]
pub struct NewUser {
    pub uid: String,
    pub email: String,
    /// The requested username; if absent, a unique one is derived from the email address.
    pub username: Option<String>,
    pub first_name: String,
    pub last_name: String,
    pub role: Role,
    pub department: Option<String>,
    pub phone: Option<String>,
    pub avatar_url: Option<String>,
    pub password_hash: Option<String>,
    /// Staff vouch that the address belongs to the user; otherwise the user is asked to confirm it.
    pub email_trusted: bool,
    /// The user is logged in at once: a session is created together with the account.
    pub logs_in: bool,
    pub now: i64,
}

/// Inserts a user, adds an agent profile for staff, and makes isolates reload the workflow rules if an active rule
/// names the address.
pub fn insert(user: &NewUser) -> Vec<Stmt> {
    let mut stmts = vec![insert_row(user)];
    stmts.extend(search::insert_words(user));
    if user.role.is_staff() {
        stmts.push(agents::ensure_profile(&Ref::Uid(user.uid.clone())));
    }
    stmts.push(settings::raise_rules_version_for_address(&caseless(&user.email)));
    stmts
}

/// If a derived username already exists, the last 8 characters of the uid are appended to it.
fn insert_row(user: &NewUser) -> Stmt {
    let made = username_from_email(&user.email);
    let tail = user
        .uid
        .get(user.uid.len().saturating_sub(8)..)
        .unwrap_or_default();
    let (name, spare) = match &user.username {
        Some(name) => (name.clone(), name.clone()),
        None => (made.clone(), format!("{made}-{tail}")),
    };
    Stmt::new(
        "INSERT INTO users (uid, email, email_key, username, username_key, first_name, last_name, role, department, \
           phone, avatar_url, password_hash, created_at, updated_at, email_verified_at, last_login_at, \
           first_folded, last_folded, username_folded, email_folded) \
         SELECT ?1, ?2, ?3, n.name, n.key, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?15, ?16, ?17, ?18, ?19, n.folded, ?22 FROM ( \
           SELECT iif(taken, ?6, ?4) AS name, iif(taken, ?7, ?5) AS key, iif(taken, ?21, ?20) AS folded \
           FROM (SELECT EXISTS (SELECT 1 FROM users WHERE username_key = ?5) AS taken)) n",
    )
    .bind(&user.uid)
    .bind(&user.email)
    .bind(caseless(&user.email))
    .bind(&name)
    .bind(caseless(&name))
    .bind(&spare)
    .bind(caseless(&spare))
    .bind(&user.first_name)
    .bind(&user.last_name)
    .bind(user.role.as_str())
    .bind(user.department.clone())
    .bind(user.phone.clone())
    .bind(user.avatar_url.clone())
    .bind(user.password_hash.clone())
    .bind(user.now)
    .bind(user.email_trusted.then_some(user.now))
    .bind(user.logs_in.then_some(user.now))
    .bind(fold_name(&user.first_name))
    .bind(fold_name(&user.last_name))
    .bind(fold(&name))
    .bind(fold(&spare))
    .bind(fold(&user.email))
}

/// The fields that an update changes; `None` leaves a field unchanged. In an `Option<Option<_>>`, `Some(None)` clears
/// the field.
#[derive(Clone, Debug, Default)]
pub struct UserPatch {
    pub email: Option<String>,
    pub username: Option<String>,
    pub first_name: Option<String>,
    pub last_name: Option<String>,
    pub role: Option<Role>,
    pub is_active: Option<bool>,
    pub department: Option<Option<String>>,
    pub phone: Option<Option<String>>,
    pub avatar_url: Option<Option<String>>,
    pub password_hash: Option<String>,
}

impl UserPatch {
    /// Whether the update changes a personal field that isolates cache together with the workflow rules.
    fn changes_what_rules_know(&self) -> bool {
        let texts = [&self.email, &self.username, &self.first_name, &self.last_name];
        texts.iter().any(|text| text.is_some())
            || self.avatar_url.is_some()
            || self.role.is_some()
            || self.is_active.is_some()
    }
}

/// Updates a user that is at `version`, adds an agent profile if the new role is a staff role, and makes isolates
/// reload the workflow rules if an active rule may refer to the user. Another role or active flag ends the API keys.
pub fn update(id: i64, version: i64, update: &UserPatch, now: i64) -> Vec<Stmt> {
    let mut stmts = Vec::new();
    let is_staff = update.role.is_some_and(Role::is_staff);
    if update.changes_what_rules_know() {
        let email = update.email.as_ref().map(|email| caseless(email));
        stmts.push(settings::raise_rules_version_for_person(
            id,
            is_staff,
            email.as_deref(),
        ));
    }
    let is_renamed = update.first_name.is_some() || update.last_name.is_some();
    stmts.extend(is_renamed.then(|| search::delete_words(id)));
    stmts.push(update_row(id, version, update, now));
    stmts.extend(is_renamed.then(|| search::insert_words_of(&Ref::Id(id))));
    if is_staff {
        stmts.push(agents::ensure_profile(&Ref::Id(id)));
    }
    if update.role.is_some() || update.is_active.is_some() {
        stmts.push(watchers::drop_unseen_of_person("u.id = ?1", id));
        stmts.push(api_keys::delete_all(id));
    }
    stmts
}

/// Changing the role, password or active flag increments `ver`, which invalidates tokens issued earlier.
fn update_row(id: i64, version: i64, update: &UserPatch, now: i64) -> Stmt {
    let mut sets = vec!["version = ?2 + 1".to_owned(), "updated_at = ?3".to_owned()];
    let mut args: Vec<Arg> = vec![id.into(), version.into(), now.into()];
    if let Some(email) = &update.email {
        args.push(caseless(email).into());
        let key = args.len();
        // A changed address is unverified: the user has not yet shown that it is theirs.
        sets.push(format!(
            "email_key = ?{key}, email_verified_at = iif(email_key = ?{key}, email_verified_at, NULL)"
        ));
    }
    let mut set = |column: &str, arg: Arg| {
        args.push(arg);
        sets.push(format!("{column} = ?{}", args.len()));
    };
    if let Some(email) = &update.email {
        set("email", email.into());
        set("email_folded", fold(email).into());
    }
    if let Some(username) = &update.username {
        set("username", username.into());
        set("username_folded", fold(username).into());
        set("username_key", caseless(username).into());
    }
    for (column, folded, value) in [
        ("first_name", "first_folded", &update.first_name),
        ("last_name", "last_folded", &update.last_name),
    ] {
        if let Some(value) = value {
            set(column, value.into());
            set(folded, fold_name(value).into());
        }
    }
    for (column, value) in [
        ("department", &update.department),
        ("phone", &update.phone),
        ("avatar_url", &update.avatar_url),
    ] {
        if let Some(value) = value {
            set(column, value.clone().into());
        }
    }
    if let Some(role) = update.role {
        set("role", role.as_str().into());
    }
    if let Some(is_active) = update.is_active {
        set("is_active", is_active.into());
    }
    if let Some(hash) = &update.password_hash {
        set("password_hash", hash.into());
    }
    if update.role.is_some() || update.is_active.is_some() || update.password_hash.is_some() {
        sets.push("ver = ver + 1".to_owned());
    }
    Stmt {
        sql: format!("UPDATE users SET {} WHERE id = ?1", sets.join(", ")).into(),
        args,
    }
}

/// Records the time of a successful login, which makes the failed ones before it forgotten.
pub fn record_login(id: i64, now: i64) -> Stmt {
    Stmt::new("UPDATE users SET last_login_at = ?2, failed_sign_ins = '[]' WHERE id = ?1")
        .bind(id)
        .bind(now)
}

/// Inserts a customer, unless a user with this email address already exists.
pub fn insert_if_absent(user: &NewUser) -> Vec<Stmt> {
    let mut stmt = insert_row(user);
    stmt.sql = format!(
        "{} WHERE NOT EXISTS (SELECT 1 FROM users WHERE email_key = ?3)",
        stmt.sql
    )
    .into();
    let mut stmts = vec![stmt];
    stmts.extend(search::insert_words(user));
    stmts.push(settings::raise_rules_version_for_address(&caseless(&user.email)));
    stmts
}

/// The `id` and `card` of a user created earlier in the same batch.
pub fn find_card(uid: &str) -> Stmt {
    Stmt::new("SELECT id, card FROM users WHERE uid = ?1").bind(uid)
}

/// Adds an agent, given by uid, to a category.
pub fn add_to_category(uid: &str, category_id: i64) -> Stmt {
    Stmt::new("INSERT OR IGNORE INTO agent_categories (user_id, category_id) SELECT id, ?2 FROM users WHERE uid = ?1")
        .bind(uid)
        .bind(category_id)
}

/// A user's email address in lower case, as the row `j`.
pub fn find_email(id: i64) -> Stmt {
    Stmt::new("SELECT email_key AS j FROM users WHERE id = ?1 AND is_active = 1").bind(id)
}

/// Marks an email address as verified; does nothing if it is no longer the address of the account.
pub fn verify_email(id: i64, email_key: &str, now: i64) -> Stmt {
    Stmt::new("UPDATE users SET email_verified_at = ?3 WHERE id = ?1 AND email_key = ?2 AND email_verified_at IS NULL")
        .bind(id)
        .bind(email_key)
        .bind(now)
}
