//! The refresh token in a cookie that scripts cannot read, for front ends in browsers.
//!
//! Only `POST /auth/refresh` reads it, and only from pages of known origins, so no other page can act with it. Nothing
//! else is ever done because of a cookie.

use crate::app::call::Call;
use crate::http::error::Error;
use crate::http::reply::Reply;
use crate::http::request::Request;

const NAME: &str = "edgedesk_refresh";
/// Sent to the routes about sessions only, never by a request that another site has caused, and never in clear text.
const ATTRIBUTES: &str = "HttpOnly; Secure; SameSite=Strict; Path=/api/v1/auth";

/// Whether the client asks for the cookie: `Accept-Session: cookie`.
pub(super) fn is_wanted(request: &Request) -> bool {
    request
        .header("accept-session")
        .is_some_and(|value| value.trim().eq_ignore_ascii_case("cookie"))
}

/// The token in the cookie.
pub(super) fn read(request: &Request) -> Option<String> {
    let header = request.header("cookie")?;
    let mut pairs = header.split(';').filter_map(|pair| pair.trim().split_once('='));
    let (_, value) = pairs.find(|(name, _)| *name == NAME)?;
    Some(value.to_owned()).filter(|value| !value.is_empty())
}

/// Refuses requests that no page of ours has made. Browsers send `Origin` with every POST.
///
/// # Errors
/// 403.
pub(super) fn require_known_origin(call: &Call) -> Result<(), Error> {
    let is_known = |origin: String| {
        origin.eq_ignore_ascii_case(&call.request.origin)
            || call
                .app
                .config
                .cors_origins
                .contains(&origin.to_ascii_lowercase())
    };
    if call.request.header("origin").is_some_and(is_known) {
        Ok(())
    } else {
        Err(Error::Forbidden(
            "the refresh cookie is for pages of known origins (CORS_ORIGINS)".to_owned(),
        ))
    }
}

/// Puts the token into the cookie for as long as it lives.
pub(super) fn set(reply: &mut Reply, token: &str, seconds: i64) {
    reply.header(
        "Set-Cookie",
        format!("{NAME}={token}; Max-Age={seconds}; {ATTRIBUTES}"),
    );
}

/// Takes the cookie away, if the client has it.
pub(super) fn clear(call: &Call, mut reply: Reply) -> Reply {
    if is_wanted(call.request) || read(call.request).is_some() {
        reply.header("Set-Cookie", format!("{NAME}=; Max-Age=0; {ATTRIBUTES}"));
    }
    reply
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http::request::tests::request;

    #[test]
    fn the_cookie_is_found_among_others() {
        for (header, want) in [
            ("edgedesk_refresh=a.b.c", Some("a.b.c")),
            ("x=1; edgedesk_refresh=a.b.c; y=2", Some("a.b.c")),
            ("xedgedesk_refresh=a", None),
            ("edgedesk_refresh=", None),
            ("edgedesk_refresh", None),
            ("", None),
        ] {
            assert_eq!(
                read(&request("", &[("cookie", header)])).as_deref(),
                want,
                "{header}"
            );
        }
        assert_eq!(read(&request("", &[])), None);
        for (value, want) in [("cookie", true), (" Cookie ", true), ("body", false), ("", false)] {
            assert_eq!(
                is_wanted(&request("", &[("accept-session", value)])),
                want,
                "{value}"
            );
        }
    }
}
