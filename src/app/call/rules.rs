//! Whether a request needs the workflow rules, and what is read with them.

use crate::app::call::Call;
use crate::app::route;
use crate::http::error::Error;

impl Call<'_> {
    /// Whether the request needs the rules.
    pub(super) fn needs_rules(&self) -> bool {
        self.wants_rules.get() || route::may_trigger_rules(self.route)
    }

    /// The rules and custom fields, on routes that do not load them by themselves. What is known is taken, without another
    /// round trip; if it has changed, the next read says so.
    ///
    /// # Errors
    /// As [`Call::read`], if they have to be read.
    pub async fn load_rules(&self) -> Result<(), Error> {
        self.wants_rules.set(true);
        if self.rule_set().is_none() {
            self.authorize().await?;
        }
        Ok(())
    }
}
