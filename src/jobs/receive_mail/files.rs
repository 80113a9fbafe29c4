//! The files of a mail: stored before the change that refers to them, and removed again if that change fails.

use crate::app::file_store::Files;
use crate::desk::mail::inbound::letter::IncomingMail;
use crate::desk::tickets::filename;
use crate::edge::{ids, log};
use crate::http::error::Error;
use crate::jobs::receive_mail::{MailIntake, StoredFile};

impl MailIntake<'_> {
    pub(super) fn files(&self) -> Files<'_> {
        Files::new(self.env, self.config, self.now)
    }

    /// Puts the mail's files into the object store, as many as there is room for. Files that are not accepted are
    /// listed with the reason.
    pub(super) async fn store_files(
        &self,
        letter: &IncomingMail,
        room: usize,
    ) -> Result<(Vec<StoredFile>, Vec<String>), Error> {
        let (mut files, mut refused) = (Vec::new(), Vec::new());
        for file in &letter.files {
            let size = i64::try_from(file.bytes.len()).unwrap_or(i64::MAX);
            let why = match filename::validate(&file.name, &file.content_type, size) {
                Ok(_) if files.len() >= room => "the ticket has no more room".to_owned(),
                Ok(upload) => {
                    let uid = ids::new_uid(self.now).map_err(Error::Internal)?;
                    if let Err(error) = self.files().keep(&uid, &upload.content_type, &file.bytes).await {
                        self.delete_files(&files).await;
                        return Err(error);
                    }
                    files.push((uid, upload));
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
        Ok((files, refused))
    }

    /// Removes objects that no row refers to.
    pub(super) async fn delete_files(&self, files: &[StoredFile]) {
        let keys: Vec<String> = files.iter().map(|(uid, _)| uid.clone()).collect();
        if !keys.is_empty()
            && let Err(why) = self.files().delete(&keys).await
        {
            log::error(&format!("objects of a mail are left behind: {why}"));
        }
    }
}
