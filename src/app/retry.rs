//! Retries changes that lost a race with another request.

/// Attempts of one change before the conflict is reported to the caller.
pub const MAX_ATTEMPTS: usize = 5;

/// Runs a read-decide-write attempt again while another request changes the row in between.
macro_rules! retry {
    ($attempt:expr) => {{
        let mut left = $crate::app::retry::MAX_ATTEMPTS;
        loop {
            left = left.saturating_sub(1);
            match $attempt.await {
                Err($crate::http::error::Error::VersionConflict) if left > 0 => {}
                outcome => break outcome,
            }
        }
    }};
}

pub(crate) use retry;
