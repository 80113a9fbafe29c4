//! The queue of what goes out.

use worker::{MessageBatch, MessageExt, QueueContentType, QueueRetryOptionsBuilder, RawMessageBuilder};

/// Messages that came in together.
pub type Batch = MessageBatch<String>;

/// The longest that a queue holds a message back, seconds.
const MAX_DELAY_SECONDS: u32 = 43_200;

/// What became of one message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MessageOutcome {
    /// It is done with, one way or the other.
    Done,
    /// It is to come again, after so many seconds.
    Retry { seconds: u32 },
}

/// Sends texts. Queues take 100 messages at once; what is more is left to the clock.
///
/// # Errors
/// The platform's words, for the log: what was not sent is found again by the clock.
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

/// Sends a text that comes in after so many seconds, at most twelve hours.
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

/// Hands the messages to `deliver`, all at once, and acknowledges or retries each by itself: one that is slow does not
/// hold up the others, and one that fails does not bring them back.
pub async fn process_each<F>(batch: &Batch, deliver: impl Fn(String) -> F)
where
    F: Future<Output = MessageOutcome>,
{
    let deliver = &deliver;
    let settled = batch.raw_iter().map(|message| async move {
        // What is no text is none of ours: there is nothing to retry.
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
