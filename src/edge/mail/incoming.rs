//! An incoming mail as the platform passes it.

use worker::ForwardableEmailMessage;

/// A raw mail. The platform answers the sending server when the handler has finished.
pub struct RawEmail<'a>(pub &'a ForwardableEmailMessage);

impl RawEmail<'_> {
    /// The envelope sender (`MAIL FROM`).
    pub fn sender(&self) -> String {
        self.0.from()
    }

    /// The envelope recipient (`RCPT TO`).
    pub fn recipient(&self) -> String {
        self.0.to()
    }

    /// The size in bytes.
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
    pub fn size(&self) -> usize {
        self.0.raw_size() as usize
    }

    /// The complete mail.
    ///
    /// # Errors
    /// The platform's error.
    pub async fn bytes(&self) -> Result<Vec<u8>, String> {
        self.0.raw_bytes().await.map_err(|error| error.to_string())
    }

    /// Rejects the mail permanently. The sender receives the reason.
    pub fn refuse(&self, why: &str) {
        self.0.set_reject(why);
    }
}
