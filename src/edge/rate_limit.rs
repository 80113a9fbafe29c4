//! Rate limits, by the bindings in `wrangler.toml`.

/// Counts a request; false if it is over the limit. A limiter that is missing or fails lets it pass (it fails open): it
/// protects against floods, and a flood of errors would be worse.
pub async fn allows(env: &worker::Env, binding: &str, key: String) -> bool {
    let Ok(limiter) = env.rate_limiter(binding) else {
        return true;
    };
    limiter.limit(key).await.map_or(true, |outcome| outcome.success)
}
