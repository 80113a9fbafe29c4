//! Rate limits of a request.

use crate::app::call::Call;
use crate::app::route::RateLimit;
use crate::edge::rate_limit;
use crate::http::error::Error;

impl Call<'_> {
    /// Checks the rate limit by IP address; for public routes that write before they read.
    ///
    /// # Errors
    /// 429 over the rate limit.
    pub async fn check_rate_limit(&self) -> Result<(), Error> {
        self.within_limit(format!("a{}", self.request.client_ip()))
            .await?;
        self.checked.set(true);
        Ok(())
    }

    pub(super) async fn within_limit(&self, key: String) -> Result<(), Error> {
        let limit = self.limit();
        if !self.app.config.rate_limits || limit == RateLimit::None {
            return Ok(());
        }
        let allowed = match self.is_within_limit.get() {
            Some(known) => known,
            None => rate_limit::allows(&self.app.env, limit.binding(), key).await,
        };
        self.is_within_limit.set(Some(allowed));
        if allowed {
            return Ok(());
        }
        Err(Error::RateLimited {
            message: "too many requests; slow down",
            seconds: 60,
        })
    }

    /// The rate limit that applies to this request.
    pub fn limit(&self) -> RateLimit {
        match self.route.limit {
            RateLimit::User if self.claims.is_none() => RateLimit::Address,
            RateLimit::User if self.request.has_query(&["q", "search", "keyword"]) => RateLimit::Search,
            limit => limit,
        }
    }
}
