//! Lines for the log.

/// Something that is no error, in the log.
pub fn info(line: &str) {
    worker::console_log!("{line}");
}

/// One structured line in the log.
pub fn error(line: &str) {
    worker::console_error!("{line}");
}
