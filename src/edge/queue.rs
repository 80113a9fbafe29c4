//! The Cloudflare Queue for outgoing mail and webhooks.

use worker::{MessageBatch, MessageExt, QueueContentType, QueueRetryOptionsBuilder, RawMessageBuilder};

/// A batch of messages as the queue delivers it.
pub type QueueBatch = MessageBatch<String>;

/// The longest delay that a queue allows, in seconds.
const MAX_DELAY_SECONDS: u32 = 43_200;

/// The result of one message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MessageOutcome {
    /// Finished, whether it succeeded or not.
    Done,
    /// To be delivered again, after this many seconds.
    Retry { seconds: u32 },
}

/// Sends texts. A queue accepts 100 messages at once; the rest is found by the scheduled job.
///
/// # Errors
/// The platform's error, to be logged. What was not sent is found by the scheduled job.
pub async fn send(env: &worker::Env, texts: Vec<String>) -> Result<(), String> {
    if texts.is_empty() {
        return Ok(());
    }
    let queue = env.queue("OUTGOING").map_err(|error| error.to_string())?;
    let text =
        |text: String| RawMessageBuilder::new(text.into()).build_with_content_type(QueueContentType::Text);
    let batch = worker::BatchMessageBuilder::new()
        .messages(texts.into_iter().take(100).map(text))
        .build();
    queue
        .send_raw_batch(batch)
        .await
        .map_err(|error| error.to_string())
}

/// Sends a text that is delivered after this many seconds, at most twelve hours.
///
/// # Errors
/// As [`send`].
pub async fn send_later(env: &worker::Env, text: String, seconds: u32) -> Result<(), String> {
    let queue = env.queue("OUTGOING").map_err(|error| error.to_string())?;
    let message = RawMessageBuilder::new(text.into())
        .delay_seconds(seconds.min(MAX_DELAY_SECONDS))
        .build_with_content_type(QueueContentType::Text);
    queue.send_raw(message).await.map_err(|error| error.to_string())
}

/// Runs `deliver` for all messages concurrently, and acknowledges or retries each by itself: a slow one does not delay
/// the others, and a failed one does not cause the others to be delivered again.
pub async fn process_each<F>(batch: &QueueBatch, deliver: impl Fn(String) -> F)
where
    F: Future<Output = MessageOutcome>,
{
    let deliver = &deliver;
    let settled = batch.raw_iter().map(|message| async move {
        // A message that is not text was not sent by us, so there is nothing to retry.
        let Some(text) = message.body().as_string() else {
            return message.ack();
        };
        match deliver(text).await {
            MessageOutcome::Done => message.ack(),
            MessageOutcome::Retry { seconds } => {
                let options = QueueRetryOptionsBuilder::new()
                    .with_delay_seconds(seconds.min(MAX_DELAY_SECONDS))
                    .build();
                message.retry_with_options(&options);
            }
        }
    });
    futures_util::future::join_all(settled).await;
}
