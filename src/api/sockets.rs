//! WebSockets: who may open one, and for what. What is sent and received over them is described in `live`.

use serde_json::json;

use crate::app::call::{Call, viewer};
use crate::desk::Millis;
use crate::desk::live::connection::{Connection, FrameRate, Topic};
use crate::edge::auth::token::{Claims, TokenUse};
use crate::edge::config::Config;
use crate::edge::db::Db;
use crate::edge::hub::{self, ConnectOutcome};
use crate::edge::ids;
use crate::http::error::Error;
use crate::http::input;
use crate::http::reply::{Body, Reply};
use crate::http::request::Request;
use crate::http::shape::{Field, Kind, Shape};
use crate::store::commit::{self, CommitReply};
use crate::store::live::{self as rows, RoomPosition, SocketTicket};

/// How long a ticket for a socket is valid, in seconds.
const TICKET_SECONDS: i64 = 30;
/// The subprotocol after which browsers can send a token in `Sec-WebSocket-Protocol`.
const PROTOCOL: &str = "bearer";

/// The query by which clients that cannot send headers authenticate.
pub const TOKEN: Shape = Shape {
    name: "SocketToken",
    fields: &[
        Field::optional("token", Kind::Opaque, "The access token, or a ticket."),
        Field::optional("ticket", Kind::Opaque, "A ticket of `POST /auth/ws-ticket`."),
    ],
};

/// The query that says from which event on a room sends events.
pub const ROOM_FROM: Shape = Shape {
    name: "RoomFrom",
    fields: &[Field::optional(
        "last_seq",
        Kind::Integer {
            min: 0,
            max: i64::MAX,
        },
        "The last sequence number that is known: what came after it is told first.",
    )],
};

/// Finds out who asks for a socket, from `Authorization`, `Sec-WebSocket-Protocol: bearer, <token>`, `?token=` or
/// `?ticket=`. A ticket is used up even if the request fails later.
///
/// # Errors
/// 401 if none of them is given, or if it is not valid.
pub async fn identify(request: &Request, config: &Config, db: &Db, now: Millis) -> Result<Claims, Error> {
    let token = read_token(request).ok_or(Error::Unauthorized(
        "sign in first: Authorization: Bearer, Sec-WebSocket-Protocol: bearer, <access token>, ?token= or ?ticket=",
    ))?;
    if token.contains('.') {
        let claims = config.keys.verify(&token, TokenUse::Access, now).await;
        return claims.ok_or(Error::Unauthorized("the access token is invalid or has expired"));
    }
    let redeem = rows::redeem_socket_ticket(&ids::hash_token(&token), now);
    let pledge: Option<SocketTicket> = db.first(redeem).await?;
    let pledge = pledge
        .filter(|pledge| pledge.token_expires.saturating_mul(1_000) > now)
        .ok_or(Error::Unauthorized(
            "the ticket is unknown, was used or has expired",
        ))?;
    Ok(Claims {
        user_id: pledge.user_id,
        role: pledge.role,
        session_id: pledge.session_id,
        ver: pledge.ver,
        jti: pledge.jti,
        expires: pledge.token_expires,
        api_key: None,
    })
}

/// The token, ticket or key with which a socket is asked for.
pub fn read_token(request: &Request) -> Option<String> {
    let asked = |wanted: &str| {
        let found = request.query_pairs().find(|(name, _)| name == wanted);
        found
            .map(|(_, value)| value.into_owned())
            .filter(|value| !value.is_empty())
    };
    request
        .bearer_token()
        .or_else(|| offered_protocol(request)?.1)
        .or_else(|| asked("token"))
        .or_else(|| asked("ticket"))
}

/// Our subprotocol, if the client offers it, and the token that follows it.
fn offered_protocol(request: &Request) -> Option<(&'static str, Option<String>)> {
    let header = request.header("sec-websocket-protocol")?;
    let mut words = header.split(',').map(str::trim);
    words.find(|word| word.eq_ignore_ascii_case(PROTOCOL))?;
    Some((PROTOCOL, words.next().map(str::to_owned)))
}

/// `POST /auth/ws-ticket`.
pub async fn create_ticket(call: &Call<'_>) -> Result<Reply, Error> {
    call.authorize().await?;
    let (me, ticket) = (call.me()?, ids::new_secret().map_err(Error::Internal)?);
    let pledge = SocketTicket {
        user_id: me.user_id,
        session_id: me.session_id,
        role: me.role,
        ver: me.ver,
        jti: me.jti.clone(),
        token_expires: me.expires,
    };
    let expires = call.now().saturating_add(TICKET_SECONDS.saturating_mul(1_000));
    let keep = rows::insert_socket_ticket(&ids::hash_token(&ticket), &pledge, expires);
    let answer = json!({"ticket": ticket, "expires_in": TICKET_SECONDS});
    call.commit(vec![keep], CommitReply::Row(commit::json_row(answer.to_string())))
        .await
}

/// `GET /messages/ws`: opens the socket for everything that concerns the caller.
pub async fn feed(call: &Call<'_>) -> Result<Reply, Error> {
    call.authorize().await?;
    connect(call, Topic::User(call.my_id()?), None).await
}

/// `GET /messages/room/{ticket_id}`: opens the socket of one ticket.
pub async fn room(call: &Call<'_>) -> Result<Reply, Error> {
    let input = input::parse_query(call.request, &[&ROOM_FROM])?;
    let last = input.integer("last_seq");
    let position = rows::room_position(&viewer(call)?, &call.reference("ticket_id")?, last);
    let place: RoomPosition = call.read_row(position).await?;
    connect(call, Topic::Ticket(place.id), last.map(|_| place.seq)).await
}

/// Opens a socket for the caller, unless too many are open there already.
async fn connect(call: &Call<'_>, object: Topic, cursor: Option<i64>) -> Result<Reply, Error> {
    let upgrades = call.request.header("upgrade");
    if !upgrades.is_some_and(|to| to.eq_ignore_ascii_case("websocket")) {
        return Err(Error::UpgradeRequired);
    }
    let me = call.me()?;
    let connection = Connection {
        id: call.uid()?,
        user_id: me.user_id,
        role: me.role,
        session_id: me.session_id,
        api_key: me.api_key,
        ver: me.ver,
        jti: me.jti.clone(),
        expires: me.expires,
        card: call.actor()?.card,
        cursor,
        is_greeted: false,
        pace: FrameRate::default(),
        typing: None,
    };
    let connection =
        serde_json::to_string(&connection).map_err(|error| Error::Internal(error.to_string()))?;
    let connected = hub::connect(&call.app.env, &object.name(), &connection).await;
    let socket = match connected.map_err(Error::Internal)? {
        ConnectOutcome::Open(socket) => socket,
        ConnectOutcome::Full => {
            return Err(Error::RateLimited {
                message: "too many sockets are open here; close one first",
                seconds: 60,
            });
        }
    };
    let mut reply = Reply::new(101, Body::Socket(socket));
    if let Some((protocol, _)) = offered_protocol(call.request) {
        reply.header("Sec-WebSocket-Protocol", protocol);
    }
    Ok(reply)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http::request::tests::request;

    #[test]
    fn tokens_come_in_four_ways() {
        for (query, headers, want) in [
            ("", vec![("authorization", "Bearer a.b.c")], Some("a.b.c")),
            (
                "",
                vec![("sec-websocket-protocol", "bearer, a.b.c")],
                Some("a.b.c"),
            ),
            (
                "",
                vec![("sec-websocket-protocol", "chat,Bearer,a.b.c,x")],
                Some("a.b.c"),
            ),
            ("token=a.b.c", vec![], Some("a.b.c")),
            ("ticket=0123", vec![], Some("0123")),
            (
                "token=&ticket=0123",
                vec![("sec-websocket-protocol", "bearer")],
                Some("0123"),
            ),
            ("", vec![("sec-websocket-protocol", "chat, a.b.c")], None),
            ("", vec![("authorization", "Basic YTpi")], None),
        ] {
            assert_eq!(
                read_token(&request(query, &headers)).as_deref(),
                want,
                "{query} {headers:?}"
            );
        }
    }
}
