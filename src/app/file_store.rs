//! The file store for requests and jobs: the R2 binding, or an S3 store if keys for one are configured. In both cases
//! clients upload and download files with signed links.

use crate::app::call::App;
use crate::desk::Millis;
use crate::edge::config::{Config, FileStoreConfig};
use crate::edge::object_store::{self, ByteStream, ObjectMetadata};
use crate::edge::{Env, log};
use crate::http::error::Error;
use crate::http::presigned_url::{PresignedUpload, S3Bucket};
use crate::http::sigv4::Credentials;

/// The path of the Worker's own store.
const OWN_BUCKET: &str = "uploads";

/// The file store at a given time, which the signatures contain.
#[derive(Clone, Copy)]
pub struct Files<'a> {
    env: &'a Env,
    config: &'a FileStoreConfig,
    now: Millis,
}

impl<'a> Files<'a> {
    /// The configured store.
    pub fn new(env: &'a Env, config: &'a Config, now: Millis) -> Files<'a> {
        Files {
            env,
            config: &config.files,
            now,
        }
    }

    /// The store for a request.
    pub fn of(app: &'a App) -> Files<'a> {
        Files::new(&app.env, &app.config, app.now)
    }

    /// The key for the Worker's own `/uploads`; `None` if an external store is configured.
    pub fn own_key(&self) -> Option<Credentials<'a>> {
        match self.config.endpoint {
            Some(_) => None,
            None => Some(self.credentials()),
        }
    }

    fn credentials(&self) -> Credentials<'a> {
        Credentials {
            id: &self.config.key_id,
            secret: &self.config.secret,
        }
    }

    /// The store as clients reach it; `origin` is the origin that they used for their request.
    fn store(&self, origin: &'a str) -> S3Bucket<'a> {
        let (origin, bucket) = match &self.config.endpoint {
            Some(endpoint) => (endpoint.as_str(), self.config.bucket.as_str()),
            None => (origin, OWN_BUCKET),
        };
        S3Bucket {
            credentials: self.credentials(),
            origin,
            bucket,
        }
    }

    /// A signed upload link.
    pub fn upload_link(&self, origin: &'a str, key: &str, content_type: &str, size: i64) -> PresignedUpload {
        self.store(origin)
            .presign_upload(key, content_type, size, self.now)
    }

    /// A signed download link.
    pub fn download_link(&self, origin: &'a str, key: &str, name: &str, content_type: &str) -> String {
        self.store(origin)
            .presign_download(key, name, content_type, self.now)
    }

    fn signed_url(&self, method: &str, key: &str) -> Option<String> {
        self.config.endpoint.as_ref()?;
        Some(self.store("").presign_internal(method, key, self.now))
    }

    /// Reads the metadata of an object.
    ///
    /// # Errors
    /// [`Error::Unavailable`] when the store does not respond.
    pub async fn metadata(&self, key: &str) -> Result<Option<ObjectMetadata>, Error> {
        let found = match self.signed_url("HEAD", key) {
            Some(url) => object_store::head_url(&url).await,
            None => object_store::head(self.env, key).await,
        };
        found.map_err(|why| unavailable(&why))
    }

    /// Opens an object, or the part of it with this offset and length: the number of bytes, and the bytes.
    ///
    /// # Errors
    /// As [`Files::metadata`].
    pub async fn open(
        &self,
        key: &str,
        part: Option<(i64, i64)>,
    ) -> Result<Option<(i64, ByteStream)>, Error> {
        let found = match self.signed_url("GET", key) {
            Some(url) => object_store::get_url(&url, part).await,
            None => object_store::get(self.env, key, part).await,
        };
        found.map_err(|why| unavailable(&why))
    }

    /// Stores bytes that the Worker has itself under a new key.
    ///
    /// # Errors
    /// As [`Files::metadata`].
    pub async fn keep(&self, key: &str, content_type: &str, bytes: &[u8]) -> Result<(), Error> {
        let stored = if self.config.endpoint.is_some() {
            let size = i64::try_from(bytes.len()).unwrap_or(i64::MAX);
            let link = self.store("").presign_upload(key, content_type, size, self.now);
            let headers = link.headers.iter().map(|(name, value)| (*name, value.as_str()));
            // The platform sets `content-length` itself.
            let headers: Vec<_> = headers.filter(|(name, _)| *name != "content-length").collect();
            object_store::put_url(&link.url, &headers, bytes).await
        } else {
            let put = object_store::put_new(self.env, key, content_type, ByteStream::of(bytes.to_vec()));
            put.await.map(|_| ())
        };
        stored.map_err(|why| unavailable(&why))
    }

    /// Deletes objects; it is not an error if they do not exist.
    ///
    /// # Errors
    /// The store's error message, for the log. The cleanup job tries again.
    pub async fn delete(&self, keys: &[String]) -> Result<(), String> {
        if self.config.endpoint.is_none() {
            return object_store::delete(self.env, keys).await;
        }
        for key in keys {
            if let Some(url) = self.signed_url("DELETE", key) {
                object_store::delete_url(&url).await?;
            }
        }
        Ok(())
    }

    /// Whether the store responds at all.
    pub async fn is_available(&self) -> bool {
        self.metadata("none").await.is_ok()
    }
}

/// The error for a store that does not respond. The details are logged, and everything that needs no files keeps
/// working.
pub fn unavailable(why: &str) -> Error {
    log::error(&format!("the file store: {why}"));
    Error::Unavailable("files cannot be reached at this moment".to_owned())
}
