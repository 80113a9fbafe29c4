//! Collects all validation errors of an input, so that they are reported at once.

/// Path (`actions[2].type`) and message.
pub type FieldError = (String, String);

/// The errors found so far.
#[derive(Debug, Default)]
pub(super) struct FieldErrors(Vec<FieldError>);

impl FieldErrors {
    /// Adds an error.
    pub(super) fn add(&mut self, path: impl Into<String>, message: impl Into<String>) {
        self.0.push((path.into(), message.into()));
    }

    /// Adds an error and returns `None`, for parsers that return an `Option`.
    pub(super) fn reject<T>(&mut self, path: impl Into<String>, message: impl Into<String>) -> Option<T> {
        self.add(path, message);
        None
    }

    pub(super) fn count(&self) -> usize {
        self.0.len()
    }

    /// The parsed value if there were no errors.
    pub(super) fn finish<T>(self, read: Option<T>) -> Result<T, Vec<FieldError>> {
        match read {
            Some(read) if self.0.is_empty() => Ok(read),
            _ => Err(self.0),
        }
    }
}
