//! Rate limits, by the rate-limit bindings of wrangler.toml.

/// Asks one limiter. A limiter that is missing or fails lets the request pass: it guards against floods, and a
/// flood of errors would be worse.
pub async fn allows(env: &worker::Env, binding: &str, key: String) -> bool {
    let Ok(limiter) = env.rate_limiter(binding) else {
        return true;
    };
    limiter.limit(key).await.map_or(true, |outcome| outcome.success)
}
