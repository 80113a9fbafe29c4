//! The files of a mail, and its original: stored before the change that refers to them, and removed again if that change
//! fails.

use crate::app::file_store::Files;
use crate::desk::mail::inbound::attachment::{self, FilePlan};
use crate::desk::mail::inbound::letter::MailAttachment;
use crate::desk::mail::inbound::original::{MailOriginal, OriginalPart, object_key};
use crate::desk::tickets::filename;
use crate::edge::{ids, log};
use crate::http::error::Error;
use crate::jobs::receive_mail::intake::MailIntake;
use crate::store::mail::inbound::StoredFile;

/// What was stored of a mail.
pub(super) struct StoredFiles {
    pub attachments: Vec<StoredFile>,
    original: String,
}

impl MailIntake<'_> {
    fn files(&self) -> Files<'_> {
        Files::new(self.env, self.config, self.now)
    }

    /// Whether the mail has pictures, which the ticket may have already.
    pub(super) fn has_pictures(&self) -> bool {
        self.letter.files.iter().any(attachment::is_picture)
    }

    /// The original without the addresses and links of ours that grant access: others read it than those they were made
    /// for.
    fn original(&self) -> MailOriginal {
        let original = &self.letter.original;
        let redacted = |part: &OriginalPart| OriginalPart {
            content_type: part.content_type.clone(),
            text: self.redact(&part.text),
        };
        MailOriginal {
            headers: self.redact(&original.headers),
            parts: original.parts.iter().map(redacted).collect(),
            is_truncated: original.is_truncated,
        }
    }

    /// Stores the original, under the uid of what the mail becomes, and the mail's files, as many as there is room for.
    /// Files that are not kept are listed with the reason. `known` are the digests of the ticket's pictures.
    pub(super) async fn store_files(
        &self,
        uid_head: &str,
        room: usize,
        known: &[String],
    ) -> Result<(StoredFiles, Vec<String>), Error> {
        let original = object_key(uid_head);
        let json =
            serde_json::to_string(&self.original()).map_err(|error| Error::Internal(error.to_string()))?;
        self.files()
            .keep(&original, "application/json", json.as_bytes())
            .await?;
        let mut stored = StoredFiles {
            attachments: Vec::new(),
            original,
        };
        let mut refused = Vec::new();
        let files = &self.letter.files;
        let digest = |file: &MailAttachment| match attachment::is_picture(file) {
            true => ids::sha256_hex(&file.bytes),
            false => String::new(),
        };
        let digests: Vec<String> = files.iter().map(digest).collect();
        let plans = attachment::plan(files, &digests, known, room);
        for ((file, digest), plan) in files.iter().zip(digests).zip(plans) {
            match plan {
                FilePlan::Keep {
                    file: kept,
                    is_inline,
                } => {
                    let uid = ids::new_uid(self.now).map_err(Error::Internal)?;
                    if let Err(error) = self.files().keep(&uid, &kept.content_type, &file.bytes).await {
                        self.delete_files(&stored).await;
                        return Err(error);
                    }
                    stored.attachments.push(StoredFile {
                        uid,
                        file: kept,
                        is_inline,
                        digest: Some(digest).filter(|digest| !digest.is_empty()),
                    });
                }
                FilePlan::Known => {}
                FilePlan::Refuse(why) => refused.push(format!("{} ({why})", filename::sanitize(&file.name))),
            }
        }
        Ok((stored, refused))
    }

    /// Removes objects that no row refers to.
    pub(super) async fn delete_files(&self, stored: &StoredFiles) {
        let files = stored.attachments.iter().map(|stored| stored.uid.clone());
        let keys: Vec<String> = files.chain([stored.original.clone()]).collect();
        if let Err(why) = self.files().delete(&keys).await {
            log::error(&format!("objects of a mail are left behind: {why}"));
        }
    }
}
