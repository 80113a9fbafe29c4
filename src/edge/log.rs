//! Writes lines to the log.

/// Logs something that is not an error.
pub fn info(line: &str) {
    worker::console_log!("{line}");
}

/// Logs an error, as one structured line.
pub fn error(line: &str) {
    worker::console_error!("{line}");
}

/// Makes panics log their message and stack. The previous panic hook still runs afterwards: `worker` uses it to
/// restart the Worker.
pub fn log_panics() {
    let restart = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |panic| {
        console_error_panic_hook::hook(panic);
        restart(panic);
    }));
}
