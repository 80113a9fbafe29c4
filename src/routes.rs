//! What is the API? One table: method, path, access, summary, handler, response.
//!
//! The router, the OpenAPI document, `docs/routes.md` and the tests over all routes use it. Paths are without their
//! mount: each exists under `/api/v1`, under `/api` and at the root. Every PUT also accepts PATCH unless its row says
//! otherwise. A route that is not in the table does not exist; no logic belongs here.

macro_rules! route {
    ($method:ident $path:literal $access:ident $summary:literal $handler:expr => $responds:expr) => {
        Endpoint {
            route: Route::new(Method::$method, $path, Access::$access, $summary, $responds),
            handler: |call| Box::pin($handler(call)),
            finder: None,
            replay_finder: None,
        }
    };
}

use crate::api::agents::{self, agent_categories};
use crate::api::auth::{account, api_keys, email_links, sessions, two_factor};
use crate::api::categories::{self, subcategories};
use crate::api::data::{changes, export, imports, personal};
use crate::api::tickets::relations::{links, merge, seen, tags, watchers};
use crate::api::tickets::{self, attachments, bulk, history, messages, redact, transfers};
use crate::api::tools::{apply_macro, custom_fields, macros, ratings, views};
use crate::api::{
    articles, assistant, audit, mail, notifications, projects, reports, service, settings, sla, sockets,
    uploads, users, webhooks, workflows,
};
use crate::app::endpoint::Endpoint;
use crate::app::route::Responds::{Created, CreatedSchema, List, Media, Nothing, One, Schema, Socket};
use crate::app::route::{Access, RateLimit, Route};
use crate::desk::access::audit::AuditAction;
use crate::http::page;
use crate::http::request::Method;
use crate::http::shape::Shape;
use crate::store::access::audit as audit_rows;
use crate::store::automation::rules as workflow_rows;
use crate::store::categories::{self as category_rows, subcategories as subcategory_rows};
use crate::store::mail::log as mail_log_rows;
use crate::store::settings::SETTINGS;
use crate::store::sql::view::View;
use crate::store::tickets::relations::{links as link_rows, tags as tag_rows, watchers as watcher_rows};
use crate::store::tickets::{
    attachments as attachment_rows, events, messages as message_rows, transfers as transfer_rows, view,
};
use crate::store::tools::{
    custom_fields as custom_field_rows, macros as macro_rows, ratings as rating_rows, views as view_rows,
};
use crate::store::users::{self as user_rows, agents as agent_rows};
use crate::store::webhooks::{deliveries, endpoints as webhook_rows};
use crate::store::{articles as article_rows, notifications as notification_rows, sessions as session_rows};

const MAIL_LOG_ENTRY: &View = &mail_log_rows::MAIL_LOG_ENTRY;
const PAGE: &Shape = &page::QUERY;
const TICKET: &View = &view::TICKET;
const USER: &View = &user_rows::USER;
const ATTACHMENT: &View = &attachment_rows::ATTACHMENT;
const MESSAGE: &View = &message_rows::MESSAGE;
const EVENT: &View = &events::EVENT;
const RULE: &View = &workflow_rows::RULE;
const CATEGORY: &View = &category_rows::CATEGORY;
const SUBCATEGORY: &View = &subcategory_rows::SUBCATEGORY;
const AGENT: &View = &agent_rows::AGENT;
const PROJECT: &View = &crate::store::projects::PROJECT;
const POLICY: &View = &crate::store::sla::POLICY;
const CALENDAR: &View = &crate::store::sla::CALENDAR;
const REPORT: &[&Shape] = &[&reports::FILTER];
const NOTIFICATION: &View = &notification_rows::NOTIFICATION;
const WEBHOOK: &View = &webhook_rows::WEBHOOK;
const DELIVERY: &View = &deliveries::DELIVERY;
const RATING: &View = &rating_rows::RATING;
const SAVED_VIEW: &View = &view_rows::SAVED_VIEW;
const MACRO: &View = &macro_rows::MACRO;
const CUSTOM_FIELD: &View = &custom_field_rows::CUSTOM_FIELD;
const ARTICLE: &View = &article_rows::ARTICLE;
const API_KEY: &View = &crate::store::access::api_keys::API_KEY;

/// All routes.
pub static ROUTES: &[Endpoint] = &[
    // Accounts and sessions
    route!(Post "/auth/register" Public "Register a customer" account::register => CreatedSchema("Signed"))
        .body(&account::REGISTER)
        .limit(RateLimit::Register),
    route!(Post "/auth/login" Public "Log in with e-mail or username" sessions::login => Schema("SignedOrChallenged"))
        .body(&sessions::LOGIN)
        .takes_form(),
    route!(Post "/auth/refresh" Public "Rotate a refresh token" sessions::refresh => Schema("Signed"))
        .optional_body(&sessions::REFRESH),
    route!(Post "/auth/logout" SignedIn "End this session, blacklist the token" sessions::logout => Schema("Done"))
        .not_idempotent(),
    route!(Post "/auth/ws-ticket" SignedIn "A 30-second single-use ticket for a socket" sockets::create_ticket => Schema("SocketTicket"))
        .not_idempotent(),
    route!(Post "/auth/logout-all" SignedIn "End every session of mine" sessions::logout_all => Schema("Done"))
        .not_idempotent(),
    route!(Get "/auth/me" SignedIn "Who am I" account::me => One(USER)),
    route!(Get "/auth/verify-token" SignedIn "Is this token good" sessions::verify_token => Schema("Verified")),
    route!(Put "/auth/change-password" SignedIn "Change my password" account::change_password => Schema("Signed"))
        .body(&account::CHANGE_PASSWORD)
        .not_idempotent(),
    route!(Post "/auth/reset-password" Public "Set a new password with a reset token" account::reset_password => Schema("Done"))
        .body(&account::RESET_PASSWORD),
    route!(Post "/auth/forgot-password" Public "Mail a link to set a password (same answer for any address)" email_links::forgot_password => Schema("Done"))
        .body(&email_links::FORGOT)
        .limit(RateLimit::Register),
    route!(Post "/auth/verify-email" Public "Confirm an address with the token of a mail" email_links::verify_email => Schema("Done"))
        .body(&email_links::VERIFY)
        .limit(RateLimit::Register),
    route!(Post "/auth/resend-verification" SignedIn "Mail another link to confirm my address" email_links::resend_verification => Schema("Done"))
        .not_idempotent(),
    route!(Get "/auth/sessions" SignedIn "My sessions" sessions::list => List(&session_rows::SESSION)),
    route!(Delete "/auth/sessions/{id}" SignedIn "Revoke one session" sessions::revoke => Nothing).not_idempotent(),
    route!(Post "/auth/2fa" Public "The second step of a sign-in" two_factor::sign_in => Schema("Signed"))
        .body(&two_factor::SECOND_STEP),
    route!(Post "/auth/2fa/setup" SignedIn "Begin to set up two-factor sign-in" two_factor::set_up => Schema("TwoFactorSecret"))
        .not_idempotent(),
    route!(Post "/auth/2fa/confirm" SignedIn "Confirm it by a code; shows the recovery codes once" two_factor::confirm => Schema("RecoveryCodes"))
        .body(&two_factor::CONFIRM)
        .not_idempotent(),
    route!(Delete "/auth/2fa" SignedIn "End two-factor sign-in" two_factor::end => Nothing)
        .body(&two_factor::END)
        .not_idempotent(),
    // API keys
    route!(Get "/api-keys" Agent "My API keys; for admins everybody's" api_keys::list => List(API_KEY)).query(&[PAGE]),
    route!(Post "/api-keys" Agent "Create an API key (shown once)" api_keys::create => Created(API_KEY)).body(&api_keys::NEW).audited(AuditAction::ApiKeyCreated),
    route!(Get "/api-keys/{id}" Agent "One API key" api_keys::show => One(API_KEY)),
    route!(Delete "/api-keys/{id}" Agent "End an API key" api_keys::remove => Nothing).names(api_keys::find).audited(AuditAction::ApiKeyEnded),
    // Users
    route!(Get "/users" Admin "List users" users::list => List(USER)).query(&[PAGE, &users::LIST]),
    route!(Post "/users" Admin "Create a user of any role" users::create => Created(USER)).body(&users::NEW).audited(AuditAction::UserCreated),
    route!(Post "/users/add_user" Admin "Alias of POST /users" users::create => Created(USER)).body(&users::NEW).audited(AuditAction::UserCreated),
    route!(Get "/users/me" SignedIn "My profile" account::me => One(USER)),
    route!(Put "/users/me" SignedIn "Update my profile" users::update_me => One(USER)).body(&users::EDIT).audited(AuditAction::UserUpdated),
    route!(Post "/users/me/password" SignedIn "Alias of change-password" account::change_password => Schema("Signed"))
        .body(&account::CHANGE_PASSWORD)
        .not_idempotent(),
    route!(Delete "/users/me" SignedIn "Close my account, or erase it" users::close_me => Nothing)
        .query(&[&users::CLOSING])
        .optional_body(&users::CLOSE)
        .audited(AuditAction::UserClosed),
    route!(Get "/users/summary" Agent "Short cards for pickers" users::summary => List(&user_rows::SUMMARY))
        .query(&[PAGE, &users::LIST]),
    route!(Get "/users/export.csv" Admin "Users as CSV" export::users => Media("text/csv"))
        .query(&[&users::LIST, &export::USER_COLUMNS, &export::FILE]),
    route!(Get "/users/{id}" SignedIn "One user (self, or staff)" users::show => One(USER)),
    route!(Put "/users/{id}" SignedIn "Update a user (self within limits, admin all)" users::update => One(USER)).names(users::find)
        .body(&users::EDIT)
        .audited(AuditAction::UserUpdated),
    route!(Get "/users/{id}/personal-data" SignedIn "All that is held on a person" personal::show => Schema("PersonalData")),
    route!(Post "/users/{id}/erase" Admin "Erase a person" personal::erase => One(USER)).names(users::find).body(&personal::ERASE)
        .audited(AuditAction::UserErased),
    route!(Delete "/users/{id}" Admin "Deactivate a user" users::deactivate => Nothing).names(users::find)
        .audited(AuditAction::UserDeactivated),
    route!(Delete "/users/{id}/2fa" Admin "Take two-factor sign-in away from somebody else" two_factor::reset => Nothing).names(users::find)
        .audited(AuditAction::TwoFactorReset),
    // Tickets
    route!(Get "/tickets" SignedIn "List tickets in my scope, filtered" tickets::list => List(TICKET))
        .query(&[PAGE, &tickets::LIST]),
    route!(Post "/tickets" SignedIn "Open a ticket" tickets::create => Created(TICKET)).body(&tickets::NEW),
    route!(Post "/tickets/bulk" Agent "Change many tickets, item by item results" bulk::change => Schema("BulkResult")).body(&bulk::BULK),
    route!(Get "/tickets/my" SignedIn "Tickets that I opened or that are assigned to me" tickets::list_mine => List(TICKET))
        .query(&[PAGE, &tickets::LIST]),
    route!(Get "/tickets/export.csv" Agent "The filtered list as CSV" export::tickets => Media("text/csv"))
        .query(&[&tickets::LIST, &export::FILE]),
    route!(Get "/tickets/key/{key}" SignedIn "A ticket by its key or number" tickets::show_by_key => One(TICKET)),
    route!(Get "/tickets/stats/summary" SignedIn "Counts by status and priority in my scope" reports::summary => Schema("Summary"))
        .query(&[&reports::TICKETS]),
    route!(Get "/tickets/stats/enhanced" SignedIn "Dashboard statistics with trends" reports::statistics => Schema("EnhancedSummary")).query(REPORT),
    route!(Get "/tickets/analytics/sla-adherence" Agent "SLA adherence" reports::sla => Schema("SlaReport")).query(REPORT).audited(AuditAction::ReportExported),
    route!(Get "/tickets/analytics/aging" Agent "Aging buckets" reports::aging => Schema("AgingReport")).query(REPORT).audited(AuditAction::ReportExported),
    route!(Get "/tickets/{id}" SignedIn "One ticket" tickets::show => One(TICKET)),
    route!(Put "/tickets/{id}" SignedIn "Update a ticket" tickets::update => One(TICKET)).names(tickets::find).body(&tickets::EDIT),
    route!(Delete "/tickets/{id}" Admin "Delete a ticket (soft)" tickets::remove => Nothing).names(tickets::find).audited(AuditAction::TicketDeleted),
    route!(Post "/tickets/{id}/redact" Admin "Take a text out of a ticket for good, wherever it is kept" redact::create => One(TICKET))
        .names(tickets::find)
        .body(&redact::REDACTION).audited(AuditAction::TicketRedacted),
    route!(Post "/tickets/{id}/restore" Admin "Undo a delete" tickets::restore => One(TICKET)).names(tickets::find).audited(AuditAction::TicketRestored),
    route!(Put "/tickets/{id}/status" SignedIn "Change the status" tickets::set_status => One(TICKET)).names(tickets::find).body(&tickets::STATUS),
    route!(Get "/tickets/{id}/transitions" SignedIn "The legal next statuses for me" tickets::list_transitions => Schema("TransitionList")),
    route!(Put "/tickets/{id}/priority" Agent "Change the priority" tickets::set_priority => One(TICKET)).names(tickets::find).body(&tickets::PRIORITY),
    route!(Put "/tickets/{id}/assign" Agent "Assign, unassign or take" tickets::assign => One(TICKET)).names(tickets::find).optional_body(&tickets::ASSIGN),
    route!(Post "/tickets/{id}/assign" Agent "Assign, unassign or take" tickets::assign => One(TICKET)).names(tickets::find).optional_body(&tickets::ASSIGN),
    route!(Post "/tickets/{id}/transfer" Agent "Hand a ticket to another agent with a reason" transfers::create => One(TICKET)).names(tickets::find)
        .body(&transfers::NEW),
    route!(Get "/tickets/{id}/transfers" Agent "Transfer history" transfers::list => List(&transfer_rows::TRANSFER)).names(tickets::find).query(&[PAGE]),
    route!(Get "/transfers" Manager "All transfers of the desk" transfers::list_all => List(&transfer_rows::TRANSFER)).query(&[PAGE]),
    route!(Put "/tickets/{id}/close" SignedIn "Close" tickets::close => One(TICKET)).names(tickets::find).optional_body(&tickets::CLOSE),
    route!(Post "/tickets/{id}/close" SignedIn "Close" tickets::close => One(TICKET)).names(tickets::find).optional_body(&tickets::CLOSE),
    route!(Post "/tickets/{id}/reopen" SignedIn "Reopen" tickets::reopen => One(TICKET)).names(tickets::find).optional_body(&tickets::VERSION),
    // The assistant
    route!(Post "/tickets/{id}/suggest-reply" Agent "Draft a reply (OpenAI-compatible provider)" assistant::suggest_reply => Schema("SuggestedReply")).names(tickets::find)
        .optional_body(&assistant::SUGGEST)
        .limit(RateLimit::Assist)
        .not_idempotent(),
    route!(Post "/tickets/{id}/triage" Agent "Suggest category, priority, sentiment, assignee" assistant::triage => Schema("Triage")).names(tickets::find)
        .limit(RateLimit::Assist)
        .not_idempotent(),
    // Messages
    route!(Get "/tickets/{id}/comments" SignedIn "Messages of a ticket" messages::list => List(MESSAGE)).names(tickets::find).query(&[PAGE, &messages::ORDER]),
    route!(Post "/tickets/{id}/comments" SignedIn "Reply, or leave an internal note" messages::create => Created(MESSAGE)).names(tickets::find)
        .body(&messages::NEW),
    route!(Get "/tickets/{id}/comments/{message_id}" SignedIn "One message" messages::show => One(MESSAGE)),
    route!(Get "/tickets/{id}/history" SignedIn "Field changes" history::history => List(EVENT)).names(tickets::find).query(&[PAGE]),
    route!(Get "/tickets/{id}/activities" SignedIn "Alias of history" history::history => List(EVENT)).names(tickets::find).query(&[PAGE]),
    route!(Get "/tickets/{id}/timeline" SignedIn "Messages and events in order" history::timeline => Schema("Timeline")).names(tickets::find).query(&[PAGE, &messages::ORDER]),
    route!(Get "/tickets/{id}/events" SignedIn "Gap-free events after a sequence number" history::events => List(EVENT)).names(tickets::find)
        .query(&[PAGE, &messages::AFTER]),
    route!(Post "/messages" SignedIn "Send a message" messages::send => Created(MESSAGE)).body(&messages::SEND).replays(messages::find_addressed),
    route!(Get "/messages/ws" SignedIn "WebSocket: everything that concerns me" sockets::feed => Socket).query(&[&sockets::TOKEN]),
    route!(Get "/messages/room/{ticket_id}" SignedIn "WebSocket: one ticket" sockets::room => Socket).names(messages::find_ticket)
        .query(&[&sockets::TOKEN, &sockets::ROOM_FROM]),
    route!(Get "/messages/{ticket_id}" SignedIn "Messages of a ticket" messages::list => List(MESSAGE)).names(messages::find_ticket).query(&[PAGE, &messages::ORDER]),
    route!(Get "/messages/ticket/{id}" SignedIn "Messages of a ticket" messages::list => List(MESSAGE)).names(tickets::find).query(&[PAGE, &messages::ORDER]),
    route!(Get "/messages/ticket/{id}/timeline" SignedIn "Combined timeline" history::timeline => Schema("Timeline")).names(tickets::find).query(&[PAGE, &messages::ORDER]),
    route!(Get "/messages/{ticket_id}/original" SignedIn "The mail that a message came as (by the message's own id)" mail::originals::of_message => Schema("MailOriginal")),
    route!(Put "/messages/{ticket_id}" SignedIn "Edit a message (by its own id)" messages::update => One(MESSAGE)).names(messages::find).body(&messages::EDIT),
    route!(Delete "/messages/{ticket_id}" SignedIn "Delete a message (by its own id)" messages::remove => Nothing).names(messages::find),
    // Notifications
    route!(Get "/notifications" SignedIn "My notifications" notifications::list => List(NOTIFICATION))
        .query(&[PAGE, &notifications::LIST]),
    route!(Get "/notifications/unread-count" SignedIn "How many I have not read" notifications::unread_count => Schema("UnreadCount")),
    route!(Put "/notifications/{id}/read" SignedIn "Mark one read" notifications::mark_read => One(NOTIFICATION)),
    route!(Delete "/notifications/{id}" SignedIn "Take one out of my list" notifications::remove => Nothing),
    route!(Put "/notifications/read-all" SignedIn "Mark all read" notifications::mark_all_read => Schema("UnreadCount")),
    route!(Get "/notifications/preferences" SignedIn "What reaches me and how" notifications::preferences => Schema("NotificationPreferences")),
    route!(Put "/notifications/preferences" SignedIn "Change what reaches me and how" notifications::set_preferences => Schema("NotificationPreferences"))
        .body(&notifications::PREFERENCES),
    route!(Get "/notifications/unsubscribe" Public "A page that asks whether mails are to stop" email_links::show_unsubscribe => Media("text/html"))
        .query(&[&email_links::UNSUBSCRIBE])
        .limit(RateLimit::None),
    route!(Post "/notifications/unsubscribe" Public "No more mails of a kind (RFC 8058)" email_links::unsubscribe => Schema("Done"))
        .query(&[&email_links::UNSUBSCRIBE])
        .limit(RateLimit::Address),
    // Categories
    route!(Get "/categories" SignedIn "Categories with subcategories" categories::list => List(CATEGORY))
        .query(&[PAGE, &categories::LIST]),
    route!(Post "/categories" Manager "Create a category" categories::create => Created(CATEGORY)).body(&categories::NEW).audited(AuditAction::CategoryCreated),
    route!(Get "/categories/{id}" SignedIn "One category" categories::show => One(CATEGORY)),
    route!(Put "/categories/{id}" Manager "Update a category" categories::update => One(CATEGORY)).names(categories::find).body(&categories::EDIT).audited(AuditAction::CategoryUpdated),
    route!(Delete "/categories/{id}" Manager "Archive a category (409 while tickets need it, or move_to)" categories::archive => Nothing).names(categories::find)
        .query(&[&categories::ARCHIVE])
        .optional_body(&categories::ARCHIVE).audited(AuditAction::CategoryArchived),
    route!(Get "/categories/{id}/subcategories" SignedIn "Subcategories" subcategories::list => List(SUBCATEGORY)).names(categories::find)
        .query(&[PAGE, &categories::LIST]),
    route!(Post "/categories/{id}/subcategories" Manager "Create a subcategory" subcategories::create => Created(SUBCATEGORY)).names(categories::find)
        .body(&categories::NEW).audited(AuditAction::SubcategoryCreated),
    route!(Get "/categories/{id}/subcategories/{sub_id}" SignedIn "One subcategory" subcategories::show => One(SUBCATEGORY)),
    route!(Put "/categories/{id}/subcategories/{sub_id}" Manager "Update a subcategory" subcategories::update => One(SUBCATEGORY)).names(subcategories::find)
        .body(&categories::EDIT).audited(AuditAction::SubcategoryUpdated),
    route!(Delete "/categories/{id}/subcategories/{sub_id}" Manager "Archive a subcategory" subcategories::archive => Nothing).names(subcategories::find).audited(AuditAction::SubcategoryArchived),
    route!(Get "/categories/{id}/agents" Agent "Agents assigned to the category" agent_categories::list_agents => List(AGENT)).names(categories::find)
        .query(&[PAGE, &agents::LIST]),
    route!(Put "/categories/{id}/agents" Manager "Set the agents of a category" agent_categories::set_agents => One(CATEGORY)).names(categories::find)
        .body(&categories::AGENTS).audited(AuditAction::CategoryUpdated),
    // Agents
    route!(Get "/agents" Agent "List agents with load" agents::list => List(AGENT)).query(&[PAGE, &agents::LIST]),
    route!(Post "/agents" Admin "Create an agent" agents::create => Created(AGENT)).body(&agents::NEW).audited(AuditAction::AgentCreated),
    route!(Get "/agents/{id}" Agent "One agent" agents::show => One(AGENT)),
    route!(Put "/agents/{id}" Agent "Update an agent (own availability; admin all)" agents::update => One(AGENT)).names(agents::find).body(&agents::EDIT).audited(AuditAction::AgentUpdated),
    route!(Delete "/agents/{id}" Admin "Deactivate an agent, open tickets go back to the pool" agents::deactivate => Nothing).names(agents::find).audited(AuditAction::AgentDeactivated),
    route!(Get "/agents/{id}/tickets" Agent "An agent's tickets" agents::list_tickets => List(TICKET)).names(agents::find).query(&[PAGE, &tickets::LIST]),
    route!(Get "/agents/{id}/categories" Agent "An agent's categories" agent_categories::list_categories => List(CATEGORY)).names(agents::find)
        .query(&[PAGE, &categories::LIST]),
    route!(Put "/agents/{id}/categories" Manager "Set an agent's categories" agents::set_categories => One(AGENT)).names(agents::find)
        .body(&agents::CATEGORIES).audited(AuditAction::AgentUpdated),
    // Projects
    route!(Get "/projects" SignedIn "List projects" projects::list => List(PROJECT)).query(&[PAGE, &projects::LIST]),
    route!(Post "/projects" Manager "Create a project" projects::create => Created(PROJECT)).body(&projects::NEW).audited(AuditAction::ProjectCreated),
    route!(Get "/projects/{id}" SignedIn "One project" projects::show => One(PROJECT)),
    route!(Put "/projects/{id}" Manager "Update" projects::update => One(PROJECT)).names(projects::find).body(&projects::EDIT).audited(AuditAction::ProjectUpdated),
    route!(Delete "/projects/{id}" Manager "Archive (409 while it has open tickets)" projects::archive => Nothing).names(projects::find).audited(AuditAction::ProjectArchived),
    // SLA
    route!(Get "/sla/policies" Agent "SLA policies" sla::list_policies => List(POLICY)).query(&[PAGE]),
    route!(Get "/sla/policies/{priority}" Agent "One policy" sla::show_policy => One(POLICY)),
    route!(Put "/sla/policies/{priority}" Admin "Change one" sla::update_policy => One(POLICY)).body(&sla::POLICY_EDIT).audited(AuditAction::SlaPolicyUpdated),
    route!(Get "/sla/calendars" Agent "Business calendars" sla::list_calendars => List(CALENDAR)).query(&[PAGE]),
    route!(Post "/sla/calendars" Admin "Create" sla::create_calendar => Created(CALENDAR)).body(&sla::NEW).audited(AuditAction::CalendarCreated),
    route!(Get "/sla/calendars/{id}" Agent "One calendar" sla::show_calendar => One(CALENDAR)),
    route!(Put "/sla/calendars/{id}" Admin "Update" sla::update_calendar => One(CALENDAR)).names(sla::find_calendar).body(&sla::EDIT).audited(AuditAction::CalendarUpdated),
    route!(Delete "/sla/calendars/{id}" Admin "Delete (409 while used)" sla::remove_calendar => Nothing).names(sla::find_calendar).audited(AuditAction::CalendarDeleted),
    // Attachments
    route!(Post "/attachments/presigned-url" SignedIn "A presigned upload" attachments::presign => Schema("PresignedUpload"))
        .body(&attachments::PRESIGN)
        .replays(attachments::find_addressed)
        .limit(RateLimit::Presign),
    route!(Post "/attachments" SignedIn "Register an uploaded object" attachments::register => Created(ATTACHMENT))
        .body(&attachments::REGISTER)
        .replays(attachments::find_registered),
    route!(Get "/attachments/{id}" SignedIn "Record with a presigned download" attachments::show => One(&attachment_rows::DOWNLOAD)),
    route!(Get "/attachments/{id}/download" SignedIn "The bytes" attachments::download => Media("*/*")),
    route!(Get "/attachments/ticket/{id}" SignedIn "A ticket's attachments" attachments::list => List(ATTACHMENT)).query(&[PAGE]),
    route!(Post "/tickets/{id}/merge" Agent "Merge another ticket into this one" merge::merge => One(TICKET)).names(tickets::find).body(&merge::MERGE),
    route!(Post "/tickets/{id}/unmerge" Agent "Undo a merge within 24 h" merge::unmerge => One(TICKET)).names(tickets::find).body(&merge::MERGE),
    route!(Get "/tickets/{id}/links" SignedIn "Linked tickets" links::list => List(&link_rows::LINK)).names(tickets::find).query(&[PAGE]),
    route!(Post "/tickets/{id}/links" Agent "Link a ticket (relates, duplicates, blocks, parent)" links::create => Created(&link_rows::LINK))
        .names(tickets::find)
        .body(&links::NEW)
        .replays(links::find_both),
    route!(Delete "/tickets/{id}/links/{link_id}" Agent "Remove a link" links::remove => Nothing).names(tickets::find),
    route!(Put "/tickets/{id}/seen" SignedIn "Mark a ticket seen up to an event" seen::update => Schema("Seen"))
        .names(tickets::find)
        .optional_body(&seen::SEEN),
    route!(Get "/tags" Agent "Tags with counts" tags::list => List(&tag_rows::TAG)).query(&[PAGE, &tags::LIST]),
    route!(Get "/tickets/{id}/watchers" Agent "Watchers" watchers::list => List(&watcher_rows::WATCHER)).names(tickets::find).query(&[PAGE]),
    route!(Put "/tickets/{id}/watch" SignedIn "Watch" watchers::watch => One(&watcher_rows::WATCHER)).names(tickets::find).without_patch(),
    route!(Delete "/tickets/{id}/watch" SignedIn "Stop watching" watchers::unwatch => Nothing).names(tickets::find),
    route!(Put "/tickets/{id}/watchers/{user_id}" Agent "Make somebody a watcher" watchers::add => One(&watcher_rows::WATCHER))
        .names(tickets::find)
        .without_patch(),
    route!(Delete "/tickets/{id}/watchers/{user_id}" Agent "Remove a watcher" watchers::remove => Nothing).names(tickets::find),
    route!(Get "/tickets/{id}/cc" Agent "Who is in copy, and where answers to the requester go" mail::cc::show => Schema("TicketCc")),
    route!(Put "/tickets/{id}/cc" Agent "Change who is in copy" mail::cc::update => Schema("TicketCc")).names(tickets::find).body(&mail::cc::EDIT),
    route!(Get "/tickets/{id}/original" SignedIn "The mail that opened a ticket" mail::originals::of_ticket => Schema("MailOriginal")),
    route!(Get "/tickets/{id}/attachments" SignedIn "A ticket's attachments" attachments::list => List(ATTACHMENT)).names(tickets::find).query(&[PAGE]),
    route!(Delete "/attachments/{id}" SignedIn "Delete record and object" attachments::remove => Nothing),
    route!(Put "/uploads/{key}" Public "Presigned upload target when R2 keys are not configured" uploads::put => Schema("Done"))
        .streamed(),
    route!(Get "/uploads/{key}" Public "Presigned download target, likewise" uploads::get => Media("*/*")),
    // Knowledge base
    route!(Get "/articles" Public "Knowledge base: published articles, search" articles::list => List(ARTICLE))
        .query(&[PAGE, &articles::LIST])
        .auth_optional(),
    route!(Post "/articles" Agent "Write an article" articles::create => Created(ARTICLE)).body(&articles::NEW),
    route!(Get "/articles/{id}" Public "One article by id or slug" articles::show => One(ARTICLE)).auth_optional(),
    route!(Put "/articles/{id}" Agent "Edit" articles::update => One(ARTICLE)).names(articles::find).body(&articles::EDIT),
    route!(Delete "/articles/{id}" Manager "Delete" articles::remove => Nothing).names(articles::find).audited(AuditAction::ArticleDeleted),
    route!(Post "/articles/{id}/feedback" Public "Helpful or not" articles::feedback => One(ARTICLE)).names(articles::find)
        .body(&articles::FEEDBACK)
        .auth_optional(),
    route!(Get "/posts" Public "Alias of /articles" articles::list => List(ARTICLE))
        .query(&[PAGE, &articles::LIST])
        .auth_optional(),
    route!(Post "/posts" Agent "Alias of /articles" articles::create => Created(ARTICLE)).body(&articles::NEW),
    route!(Get "/posts/{id}" Public "Alias of /articles/{id}" articles::show => One(ARTICLE)).auth_optional(),
    route!(Put "/posts/{id}" Agent "Alias of /articles/{id}" articles::update => One(ARTICLE)).names(articles::find).body(&articles::EDIT),
    route!(Delete "/posts/{id}" Manager "Alias of /articles/{id}" articles::remove => Nothing).names(articles::find).audited(AuditAction::ArticleDeleted),
    // Reports
    route!(Get "/reports/dashboard" SignedIn "Dashboard in my scope" reports::dashboard => Schema("Dashboard")).query(REPORT),
    route!(Get "/reports/tickets-by-status" Manager "Tickets by status" reports::by_status => Schema("GroupReport")).query(REPORT).audited(AuditAction::ReportExported),
    route!(Get "/reports/tickets-by-priority" Manager "Tickets by priority" reports::by_priority => Schema("GroupReport")).query(REPORT).audited(AuditAction::ReportExported),
    route!(Get "/reports/tickets-by-department" Manager "Tickets by department" reports::by_department => Schema("GroupReport")).query(REPORT).audited(AuditAction::ReportExported),
    route!(Get "/reports/tickets-by-category" Manager "Tickets by category" reports::by_category => Schema("GroupReport")).query(REPORT).audited(AuditAction::ReportExported),
    route!(Get "/reports/satisfaction" Manager "How satisfied requesters are" reports::satisfaction => Schema("SatisfactionReport")).query(REPORT).audited(AuditAction::ReportExported),
    route!(Get "/reports/user-activity" Manager "User activity" reports::activity => Schema("ActivityReport"))
        .query(&[&reports::FILTER, &reports::LIMIT]).audited(AuditAction::ReportExported),
    route!(Get "/admin/dashboard" Manager "Dashboard metrics" reports::dashboard => Schema("Dashboard")).query(REPORT),
    route!(Get "/admin/reports/tickets" Manager "Ticket volume" reports::volume => Schema("VolumeReport")).query(REPORT).audited(AuditAction::ReportExported),
    route!(Get "/admin/reports/agents" Agent "Agent performance (own row for an agent)" reports::agents => Schema("AgentReport")).query(REPORT).audited(AuditAction::ReportExported),
    route!(Get "/admin/reports/sla" Manager "SLA compliance" reports::sla => Schema("SlaReport")).query(REPORT).audited(AuditAction::ReportExported),
    route!(Get "/agents/performance" Agent "Performance (own row for an agent)" reports::agents => Schema("AgentReport")).query(REPORT).audited(AuditAction::ReportExported),
    // Data
    route!(Post "/imports" Agent "Import tickets or users from CSV" imports::create => Schema("ImportReport"))
        .query(&[&imports::OPTIONS])
        .takes_csv(imports::MAX_FILE_BYTES),
    route!(Get "/changes" Manager "Every event of the desk in one order" changes::feed => Schema("ChangeFeed")).query(&[&changes::FEED]),
    // Settings
    route!(Get "/admin/mail-log" Admin "Incoming mails that were not taken, and why" mail::log::list => List(MAIL_LOG_ENTRY)).query(&[PAGE, &mail::log::FILTER]),
    route!(Get "/admin/settings" Admin "Desk settings" settings::show => One(&SETTINGS)),
    route!(Put "/admin/settings" Admin "Change them" settings::update => One(&SETTINGS)).body(&settings::EDIT).audited(AuditAction::SettingsUpdated),
    route!(Get "/admin/audit" Admin "Audit log: what was administered, and who signed in" audit::list => List(&audit_rows::AUDIT_ENTRY))
        .query(&[PAGE, &audit::FILTER]).audited(AuditAction::AuditExported),
    // Workflow rules
    route!(Get "/workflows" Admin "Rules" workflows::list => List(RULE)).query(&[PAGE]),
    route!(Post "/workflows" Admin "Create a rule" workflows::create => Created(RULE)).body(&workflows::NEW).audited(AuditAction::WorkflowCreated),
    route!(Get "/workflows/{id}" Admin "One rule" workflows::show => One(RULE)),
    route!(Put "/workflows/{id}" Admin "Update a rule" workflows::update => One(RULE)).names(workflows::find).body(&workflows::EDIT).audited(AuditAction::WorkflowUpdated),
    route!(Delete "/workflows/{id}" Admin "Delete a rule" workflows::remove => Nothing).names(workflows::find).audited(AuditAction::WorkflowDeleted),
    route!(Post "/workflows/{id}/simulate" Admin "What would it do" workflows::simulate => Schema("WorkflowSimulation")).names(workflows::find)
        .optional_body(&workflows::SIMULATE)
        .not_idempotent(),
    route!(Get "/workflows/{id}/runs" Admin "What it did" workflows::list_runs => List(&workflow_rows::RUN)).names(workflows::find).query(&[PAGE]),
    // The desk's own tools
    route!(Get "/custom-fields" SignedIn "Custom fields of tickets" custom_fields::list => List(CUSTOM_FIELD)).query(&[PAGE, &custom_fields::LIST]),
    route!(Post "/custom-fields" Manager "Create a custom field" custom_fields::create => Created(CUSTOM_FIELD)).body(&custom_fields::NEW).audited(AuditAction::CustomFieldCreated),
    route!(Get "/custom-fields/{id}" SignedIn "One custom field" custom_fields::show => One(CUSTOM_FIELD)),
    route!(Put "/custom-fields/{id}" Manager "Update a custom field" custom_fields::update => One(CUSTOM_FIELD)).names(custom_fields::find).body(&custom_fields::EDIT).audited(AuditAction::CustomFieldUpdated),
    route!(Delete "/custom-fields/{id}" Manager "Hide a custom field; its past stays readable" custom_fields::remove => Nothing).names(custom_fields::find).audited(AuditAction::CustomFieldDeleted),
    route!(Get "/macros" Agent "Macros: shared ones and my own" macros::list => List(MACRO)).query(&[PAGE, &macros::LIST]),
    route!(Post "/macros" Agent "Create a macro (shared ones: managers)" macros::create => Created(MACRO)).body(&macros::NEW).audited(AuditAction::MacroCreated),
    route!(Get "/macros/{id}" Agent "One macro" macros::show => One(MACRO)),
    route!(Put "/macros/{id}" Agent "Update a macro" macros::update => One(MACRO)).names(macros::find).body(&macros::EDIT).audited(AuditAction::MacroUpdated),
    route!(Delete "/macros/{id}" Agent "Delete a macro" macros::remove => Nothing).names(macros::find).audited(AuditAction::MacroDeleted),
    route!(Post "/tickets/{id}/macros/{macro_id}" Agent "Apply a macro, or show what it would do" apply_macro::apply => Schema("MacroOutcome")).names(tickets::find).query(&[&apply_macro::PREVIEW]).optional_body(&apply_macro::APPLY),
    route!(Get "/tickets/{id}/rating" SignedIn "How the requester has rated the outcome" ratings::show => One(RATING)),
    route!(Post "/tickets/{id}/rating" SignedIn "Rate the outcome of my ticket" ratings::create => One(RATING)).names(tickets::find).body(&ratings::NEW),
    route!(Get "/rate" Public "The page behind the link of a mail that rates" email_links::show_page => Media("text/html")).limit(RateLimit::None),
    route!(Post "/rate" Public "Rate by the link of a mail" ratings::create_by_link => Schema("Done")).body(&ratings::BY_LINK).limit(RateLimit::Address),
    route!(Get "/views" Agent "Saved views: ready, shared and my own" views::list => List(SAVED_VIEW)).query(&[PAGE, &macros::LIST]),
    route!(Post "/views" Agent "Save a view (shared ones: managers)" views::create => Created(SAVED_VIEW)).body(&views::NEW).audited(AuditAction::ViewCreated),
    route!(Get "/views/counts" Agent "How many tickets each view has, exact up to 100" views::counts => Schema("ViewCounts")),
    route!(Get "/views/{id}" Agent "One view" views::show => One(SAVED_VIEW)),
    route!(Put "/views/{id}" Agent "Update a view" views::update => One(SAVED_VIEW)).names(views::find).body(&views::EDIT).audited(AuditAction::ViewUpdated),
    route!(Delete "/views/{id}" Agent "Delete a view" views::remove => Nothing).names(views::find).audited(AuditAction::ViewDeleted),
    // Webhooks
    route!(Get "/webhooks" Admin "Endpoints" webhooks::list => List(WEBHOOK)).query(&[PAGE]),
    route!(Post "/webhooks" Admin "Create (secret shown once)" webhooks::create => Created(WEBHOOK)).body(&webhooks::NEW).audited(AuditAction::WebhookCreated),
    route!(Get "/webhooks/{id}" Admin "One" webhooks::show => One(WEBHOOK)),
    route!(Put "/webhooks/{id}" Admin "Update, rotate secret" webhooks::update => One(WEBHOOK)).names(webhooks::find).body(&webhooks::EDIT).audited(AuditAction::WebhookUpdated),
    route!(Delete "/webhooks/{id}" Admin "Delete" webhooks::remove => Nothing).names(webhooks::find).audited(AuditAction::WebhookDeleted),
    route!(Post "/webhooks/{id}/test" Admin "Send a test event" webhooks::send_test => Created(DELIVERY)).names(webhooks::find),
    route!(Get "/webhooks/{id}/deliveries" Admin "Delivery log" webhooks::deliveries => List(DELIVERY)).names(webhooks::find).query(&[PAGE, &webhooks::DELIVERIES]),
    route!(Get "/webhooks/{id}/deliveries/{delivery_id}" Admin "One delivery" webhooks::delivery => One(DELIVERY)),
    route!(Post "/webhooks/{id}/deliveries/{delivery_id}/redeliver" Admin "Send again" webhooks::redeliver => Created(DELIVERY)).names(webhooks::find_delivery),
    // Documents and health
    route!(Get "/openapi.json" Public "OpenAPI 3.1" service::openapi => Media("application/json")).limit(RateLimit::None),
    route!(Get "/docs" Public "Swagger UI" service::swagger => Media("text/html")).limit(RateLimit::None),
    route!(Get "/swagger" Public "Swagger UI" service::swagger => Media("text/html")).limit(RateLimit::None),
    route!(Get "/redoc" Public "ReDoc" service::redoc => Media("text/html")).limit(RateLimit::None),
    route!(Get "/reset-password" Public "The page behind a link to set a password" email_links::show_page => Media("text/html")).limit(RateLimit::None),
    route!(Get "/verify-email" Public "The page behind a link to confirm an address" email_links::show_page => Media("text/html")).limit(RateLimit::None),
    route!(Get "/health" Public "Liveness" service::health => Schema("Health")).limit(RateLimit::None),
    route!(Get "/ready" Public "Dependencies" service::ready => Schema("Ready")).limit(RateLimit::Address),
    route!(Get "/version" Public "Version" service::version => Schema("Version")).limit(RateLimit::None),
    route!(Get "/.well-known/jwks.json" Public "Public keys" service::jwks => Schema("Jwks")).limit(RateLimit::None),
];
