//! The files of a mail, and its original: stored before the change that refers to them, and removed again if that change
//! fails.

use crate::app::file_store::Files;
use crate::desk::mail::inbound::original::object_key;
use crate::desk::tickets::filename::{self, FileSpec};
use crate::edge::{ids, log};
use crate::http::error::Error;
use crate::jobs::receive_mail::intake::MailIntake;

/// A file and the key of its object.
pub(super) type StoredFile = (String, FileSpec);

/// What was stored of a mail.
pub(super) struct StoredFiles {
    pub attachments: Vec<StoredFile>,
    original: String,
}

impl MailIntake<'_> {
    fn files(&self) -> Files<'_> {
        Files::new(self.env, self.config, self.now)
    }

    /// Stores the original, under the uid of what the mail becomes, and the mail's files, as many as there is room for.
    /// Files that are not accepted are listed with the reason.
    pub(super) async fn store_files(
        &self,
        uid_head: &str,
        room: usize,
    ) -> Result<(StoredFiles, Vec<String>), Error> {
        let original = object_key(uid_head);
        let json = serde_json::to_string(&self.letter.original)
            .map_err(|error| Error::Internal(error.to_string()))?;
        self.files()
            .keep(&original, "application/json", json.as_bytes())
            .await?;
        let mut stored = StoredFiles {
            attachments: Vec::new(),
            original,
        };
        let mut refused = Vec::new();
        for file in &self.letter.files {
            let size = i64::try_from(file.bytes.len()).unwrap_or(i64::MAX);
            let why = match filename::validate(&file.name, &file.content_type, size) {
                Ok(_) if stored.attachments.len() >= room => "the ticket has no more room".to_owned(),
                Ok(upload) => {
                    let uid = ids::new_uid(self.now).map_err(Error::Internal)?;
                    if let Err(error) = self.files().keep(&uid, upload.content_type, &file.bytes).await {
                        self.delete_files(&stored).await;
                        return Err(error);
                    }
                    stored.attachments.push((uid, upload));
                    continue;
                }
                Err(wrong) => wrong
                    .into_iter()
                    .map(|(field, why)| format!("{field} {why}"))
                    .collect::<Vec<_>>()
                    .join(", "),
            };
            refused.push(format!("{} ({why})", filename::sanitize(&file.name)));
        }
        Ok((stored, refused))
    }

    /// Removes objects that no row refers to.
    pub(super) async fn delete_files(&self, stored: &StoredFiles) {
        let files = stored.attachments.iter().map(|(uid, _)| uid.clone());
        let keys: Vec<String> = files.chain([stored.original.clone()]).collect();
        if let Err(why) = self.files().delete(&keys).await {
            log::error(&format!("objects of a mail are left behind: {why}"));
        }
    }
}
