//! A mail as the platform hands it in.

use worker::ForwardableEmailMessage;

/// The mail. The platform answers the sending server when the handler is done.
pub struct RawEmail<'a>(pub &'a ForwardableEmailMessage);

impl RawEmail<'_> {
    /// `MAIL FROM`: who sent it, as the servers know it.
    pub fn sender(&self) -> String {
        self.0.from()
    }

    /// `RCPT TO`: whom it was sent to.
    pub fn recipient(&self) -> String {
        self.0.to()
    }

    /// Bytes.
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
    pub fn size(&self) -> usize {
        self.0.raw_size() as usize
    }

    /// All of it.
    ///
    /// # Errors
    /// The platform's words.
    pub async fn bytes(&self) -> Result<Vec<u8>, String> {
        self.0.raw_bytes().await.map_err(|error| error.to_string())
    }

    /// Refuses it for good: the sender gets these words back.
    pub fn refuse(&self, why: &str) {
        self.0.set_reject(why);
    }
}
