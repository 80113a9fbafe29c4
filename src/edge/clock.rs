//! The only place that reads the time.

use crate::desk::Millis;

/// The current time. In Workers it does not advance while a request computes, only with its I/O.
#[cfg(target_family = "wasm")]
pub fn now() -> Millis {
    let now = worker::Date::now().as_millis();
    Millis::try_from(now).unwrap_or(Millis::MAX)
}

/// The current time in native builds.
#[cfg(not(target_family = "wasm"))]
pub fn now() -> Millis {
    let since = std::time::SystemTime::now()
        .duration_since(std::time::UNIX_EPOCH)
        .unwrap_or_default();
    Millis::try_from(since.as_millis()).unwrap_or(Millis::MAX)
}
