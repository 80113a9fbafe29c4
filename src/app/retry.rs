//! Deciding anew when somebody else was faster.

/// How often a change that lost a race is decided anew before the caller is told.
pub const MAX_ATTEMPTS: usize = 5;

/// Runs an attempt again while others are faster.
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
