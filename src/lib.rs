//! Edgedesk: a help desk that runs at the edge.
//!
//! How does the platform enter? The entry points for requests, the schedule, the queue, incoming mail and the Durable
//! Object. Each builds what is needed and hands over to another layer; nothing is decided here.

pub mod api;
pub mod app;
pub mod desk;
pub mod dev;
pub mod edge;
pub mod http;
pub mod jobs;
pub mod live;
#[cfg(not(target_family = "wasm"))]
pub mod openapi;
pub mod routes;
pub mod server;
pub mod store;

use wasm_bindgen::JsValue;
use worker::durable::State;
use worker::wasm_bindgen_futures::future_to_promise;
use worker::{
    Context, DurableObject, Env, Error, Request, Response, Result, ScheduleContext, ScheduledEvent, Socket,
    WebSocket, WebSocketIncomingMessage, durable_object, event,
};

use crate::edge::http::PlatformRequest;
use crate::server::Received;

/// Runs whenever the Worker is loaded. Without `#[event(start)]`, which would export it, so that other Workers could call
/// it.
#[wasm_bindgen::prelude::wasm_bindgen(start, private)]
fn start() {
    edge::log::log_panics();
    desk::fold::normal_form::use_platform(edge::normal_form::normalize);
}

/// Answers a request with a response or with the promise of one. It is not declared with `#[event(fetch)]`, which always
/// makes a promise: that takes longer than everything else that a health check needs.
///
/// # Errors
/// When the platform cannot build the response.
#[wasm_bindgen::prelude::wasm_bindgen]
pub fn fetch(
    request: PlatformRequest,
    env: Env,
    context: worker::worker_sys::Context,
) -> std::result::Result<JsValue, JsValue> {
    match server::receive(request)? {
        Received::Answered(response) => Ok(response.into()),
        Received::Request(request) => Ok(future_to_promise(async move {
            let response = server::serve(*request, env, &Context::new(context)).await?;
            Ok(response.into())
        })
        .into()),
    }
}

#[event(scheduled)]
async fn scheduled(_event: ScheduledEvent, env: Env, _context: ScheduleContext) {
    let _ = jobs::tick(&env, edge::clock::now()).await;
}

#[event(queue)]
async fn queue(batch: edge::queue::QueueBatch, env: Env, _context: Context) -> Result<()> {
    jobs::queue::consume(&env, &batch).await;
    Ok(())
}

/// Incoming mail. It is not declared with `#[event(email)]`, which turns a panic into an error. Here a panic is an
/// exception as everywhere in the Worker, and the sending mail server tries again later.
#[wasm_bindgen::prelude::wasm_bindgen(wasm_bindgen_futures = ::worker::wasm_bindgen_futures)]
pub async fn email(
    message: worker::ForwardableEmailMessage,
    env: Env,
    _context: worker::worker_sys::Context,
) -> std::result::Result<JsValue, JsValue> {
    let mail = crate::edge::mail::incoming::RawEmail(&message);
    let result = jobs::receive_mail::receive(&env, &mail, edge::clock::now()).await;
    result.map(|()| JsValue::UNDEFINED).map_err(JsValue::from)
}

/// The Durable Object for sockets: one per ticket, and one per user for everything that concerns them.
#[durable_object]
pub struct Live {
    hub: edge::hub::Hub,
    live: live::LiveObject,
}

impl DurableObject for Live {
    fn new(state: State, env: Env) -> Live {
        Live {
            hub: edge::hub::Hub::new(state, env),
            live: live::LiveObject::default(),
        }
    }

    async fn fetch(&self, request: Request) -> Result<Response> {
        self.live.fetch(&self.hub, request).await
    }

    async fn websocket_message(&self, socket: WebSocket, message: WebSocketIncomingMessage) -> Result<()> {
        self.live
            .on_message(&self.hub, socket.into(), message.into())
            .await;
        Ok(())
    }

    async fn websocket_close(&self, socket: WebSocket, _: usize, _: String, _: bool) -> Result<()> {
        self.live.on_close(&self.hub, socket.into()).await;
        Ok(())
    }

    async fn websocket_error(&self, socket: WebSocket, _: Error) -> Result<()> {
        self.live.on_close(&self.hub, socket.into()).await;
        Ok(())
    }

    async fn alarm(&self) -> Result<Response> {
        self.live.on_alarm(&self.hub).await;
        Response::empty()
    }

    async fn connect(&self, _: Socket) -> Result<()> {
        Err(Error::from("nobody connects to this object"))
    }
}
