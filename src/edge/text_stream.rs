//! Sends a text that is made while it is sent: the platform asks for the next part when the client has taken the last
//! one, so no more than a part is in memory. When the client breaks off, nothing more is made.

use std::cell::{Cell, RefCell};
use std::pin::Pin;
use std::rc::Rc;

use futures_util::{Stream, StreamExt};
use js_sys::{Promise, Uint8Array};
use wasm_bindgen::prelude::*;
use worker::wasm_bindgen_futures::future_to_promise;

use crate::edge::log;

#[wasm_bindgen(inline_js = r#"
// `next(false)` promises the next part as bytes, and nothing at the end; `next(true)` says that nobody reads on.
export function streamOf(next) {
  return new ReadableStream({
    async pull(controller) {
      const part = await next(false)
      if (part === undefined) controller.close()
      else controller.enqueue(part)
    },
    cancel() { return next(true) },
  }, { highWaterMark: 0 })
}
"#)]
extern "C" {
    #[wasm_bindgen(js_name = streamOf)]
    fn stream_of(next: &JsValue) -> JsValue;
}

type Parts = Pin<Box<dyn Stream<Item = Result<String, String>>>>;

/// A text in parts. An error breaks the connection off, so that the client does not take what it has for the whole.
pub struct TextStream(Parts);

impl TextStream {
    /// The parts in their order.
    pub fn new(parts: impl Stream<Item = Result<String, String>> + 'static) -> TextStream {
        TextStream(Box::pin(parts))
    }
}

/// The function that JavaScript calls for the next part.
type Next = Closure<dyn FnMut(bool) -> Promise>;

/// What is left of a stream, and the function that JavaScript calls for more.
#[derive(Default)]
struct PartSource {
    parts: RefCell<Option<Parts>>,
    next: RefCell<Option<Next>>,
    has_ended: Cell<bool>,
}

impl PartSource {
    async fn next(&self) -> Option<Result<String, String>> {
        // Nothing stays borrowed while it waits.
        let mut parts = self.parts.take()?;
        let next = parts.next().await?;
        if next.is_ok() && !self.has_ended.get() {
            self.parts.replace(Some(parts));
        }
        Some(next)
    }

    /// Frees everything. It must not be called by the function that it frees.
    fn end(&self) {
        self.has_ended.set(true);
        self.parts.take();
        self.next.take();
    }
}

/// The platform's stream.
pub(super) fn readable(text: TextStream) -> JsValue {
    let source = Rc::new(PartSource {
        parts: RefCell::new(Some(text.0)),
        ..PartSource::default()
    });
    let owned = Rc::clone(&source);
    let next = Next::new(move |is_broken_off| {
        let source = Rc::clone(&owned);
        future_to_promise(async move {
            let part = if is_broken_off { None } else { source.next().await };
            match part {
                Some(Ok(text)) => Ok(Uint8Array::from(text.as_bytes()).into()),
                Some(Err(message)) => {
                    source.end();
                    log::error(&format!("a stream ended early: {message}"));
                    Err(JsValue::from_str("the desk could not go on"))
                }
                None => {
                    source.end();
                    Ok(JsValue::UNDEFINED)
                }
            }
        })
    });
    let stream = stream_of(next.as_ref());
    source.next.replace(Some(next));
    stream
}
