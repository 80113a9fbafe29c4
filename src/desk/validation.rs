//! Everything that is wrong with what somebody wrote, told at once.

/// Where it is (`actions[2].type`) and what is wrong there.
pub type FieldError = (String, String);

/// The mistakes found so far.
#[derive(Debug, Default)]
pub(super) struct FieldErrors(Vec<FieldError>);

impl FieldErrors {
    /// Notes one.
    pub(super) fn add(&mut self, path: impl Into<String>, message: impl Into<String>) {
        self.0.push((path.into(), message.into()));
    }

    /// Notes one, where a reader ends with nothing.
    pub(super) fn reject<T>(&mut self, path: impl Into<String>, message: impl Into<String>) -> Option<T> {
        self.add(path, message);
        None
    }

    pub(super) fn count(&self) -> usize {
        self.0.len()
    }

    /// What was read, if nothing was wrong.
    pub(super) fn finish<T>(self, read: Option<T>) -> Result<T, Vec<FieldError>> {
        match read {
            Some(read) if self.0.is_empty() => Ok(read),
            _ => Err(self.0),
        }
    }
}
