//! Writes lines to the log.

/// Logs something that is not an error.
pub fn info(line: &str) {
    worker::console_log!("{line}");
}

/// Logs an error, as one structured line.
pub fn error(line: &str) {
    worker::console_error!("{line}");
}
