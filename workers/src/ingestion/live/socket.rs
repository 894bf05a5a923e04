//! One socket, from its first message to its last.

use std::sync::Arc;
use std::time::Duration;

use axum::extract::ws::{CloseFrame, Message as Frame, WebSocket, close_code};
use serde::Deserialize;
use serde_json::{Map, Value, json};
use tokio::sync::watch as state;
use tokio::time::{Instant, MissedTickBehavior};

use super::hub::{Hub, Message, Subscription};
use super::watch::Watch;

/// A socket that takes no bytes for so long is given up.
const WRITE: Duration = Duration::from_secs(10);
/// Heartbeats without a word from the other side, until it counts as gone.
const SILENT: u32 = 3;

/// What a socket asks for in its address.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Wanted {
    /// Any value but `0` and `false`: all news, not only the documented messages.
    live: Option<String>,
    /// The last message that it has.
    last_id: Option<String>,
    /// Only news of this workflow.
    workflow: Option<String>,
}

impl Wanted {
    fn is_live(&self) -> bool {
        let asked = self.live.as_deref().is_some_and(|live| !matches!(live, "0" | "false"));
        asked || self.last_id.is_some()
    }

    fn wants(&self, workflow_id: &str) -> bool {
        self.workflow.as_deref().is_none_or(|wanted| wanted == workflow_id)
    }

    /// The texts of a message for this socket.
    fn texts<'m>(&self, message: &'m Message) -> &'m [String] {
        if !self.wants(&message.workflow_id) {
            return &[];
        }
        if self.is_live() { std::slice::from_ref(&message.live) } else { &message.documented }
    }
}

/// Why a socket ends.
enum End {
    /// It left, or takes no bytes.
    Gone,
    /// We end it, and say why.
    Closed(u16, &'static str),
}

/// Serves a socket until it leaves, is too slow, or the service stops.
pub(crate) async fn serve(
    mut socket: WebSocket,
    wanted: Wanted,
    hub: Arc<Hub>,
    watch: Watch,
    stopped: state::Receiver<bool>,
) {
    let end = match hub.subscribe(wanted.last_id.as_deref()) {
        Some(subscription) => talk(&mut socket, &wanted, &hub, &watch, subscription, stopped).await,
        None => End::Closed(close_code::AGAIN, "too many sockets are open; come back later"),
    };
    if let End::Closed(code, reason) = end {
        let close = Frame::Close(Some(CloseFrame { code, reason: reason.into() }));
        // who does not read it is cut off
        let _ = tokio::time::timeout(WRITE, socket.send(close)).await;
    }
}

async fn talk(
    socket: &mut WebSocket,
    wanted: &Wanted,
    hub: &Arc<Hub>,
    watch: &Watch,
    mut subscription: Subscription,
    mut stopped: state::Receiver<bool>,
) -> End {
    if let Some(workflow) = &wanted.workflow {
        watch.follow(workflow);
    }
    for text in greeting(wanted, hub, watch, &subscription).await {
        if send(socket, Frame::text(text)).await.is_none() {
            return End::Gone;
        }
    }
    let every = hub.settings().heartbeat;
    let mut heartbeat = tokio::time::interval_at(Instant::now() + every, every);
    heartbeat.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut heard = Instant::now();
    let mut last_id = subscription.last_id.clone();
    loop {
        let frames = tokio::select! {
            _ = stopped.wait_for(|stopped| *stopped) => {
                return End::Closed(close_code::AWAY, "the service stops; come back");
            }
            message = subscription.queue.recv() => match message {
                None => return End::Closed(close_code::POLICY, "too slow: messages were lost; come back with last_id"),
                Some(message) => {
                    last_id.clone_from(&message.id);
                    wanted.texts(&message).iter().map(|text| Frame::text(text.clone())).collect()
                }
            },
            frame = socket.recv() => match frame {
                // what sockets say is ignored, as documented
                Some(Ok(Frame::Text(_) | Frame::Binary(_) | Frame::Ping(_) | Frame::Pong(_))) => {
                    heard = Instant::now();
                    continue;
                }
                Some(Ok(Frame::Close(_)) | Err(_)) | None => return End::Gone,
            },
            _ = heartbeat.tick() => {
                if heard.elapsed() > every * SILENT {
                    return End::Gone;
                }
                beat(wanted, &last_id)
            }
        };
        for frame in frames {
            if send(socket, frame).await.is_none() {
                return End::Gone;
            }
        }
    }
}

async fn send(socket: &mut WebSocket, frame: Frame) -> Option<()> {
    tokio::time::timeout(WRITE, socket.send(frame)).await.ok()?.ok()
}

/// A ping that every browser answers by itself, and for live sockets a word that their pages can see.
fn beat(wanted: &Wanted, last_id: &str) -> Vec<Frame> {
    let mut frames = vec![Frame::Ping(bytes::Bytes::new())];
    if wanted.is_live() {
        let now = chrono::Utc::now().to_rfc3339_opts(chrono::SecondsFormat::Millis, true);
        // with it a socket may come back although nothing came that it wanted
        frames.push(Frame::text(json!({"type": "heartbeat", "time": now, "last_id": last_id}).to_string()));
    }
    frames
}

/// What a socket hears first: what it missed, or how things stand.
async fn greeting(
    wanted: &Wanted,
    hub: &Arc<Hub>,
    watch: &Watch,
    subscription: &Subscription,
) -> Vec<String> {
    if wanted.last_id.is_some()
        && let Some(missed) = &subscription.missed
    {
        let first = json!({"type": "resumed_stream", "last_id": subscription.last_id, "missed": missed.len(),
            "heartbeat_seconds": hub.settings().heartbeat.as_secs_f64()});
        let missed = missed.iter().flat_map(|message| wanted.texts(message).to_vec());
        return std::iter::once(first.to_string()).chain(missed).collect();
    }
    let offers = subscription.offers.iter().filter(|(workflow, _)| wanted.wants(workflow));
    if !wanted.is_live() {
        // whoever opens the page after a failure gets its button too
        return offers.flat_map(|(_, offer)| offer.documented()).collect();
    }
    let mut states: Vec<Value> = subscription
        .states
        .iter()
        .filter(|(workflow, _)| wanted.wants(workflow))
        .map(|(workflow, state)| with_workflow(workflow, state))
        .collect();
    if let Some(workflow) = &wanted.workflow
        && let Some(state) = watch.look(workflow).await
    {
        states = vec![with_workflow(workflow, &state)];
    }
    let offers: Vec<Value> = offers
        .map(|(workflow, offer)| json!({"workflow_id": workflow, "retry_url": offer.rerun_url, "payload": offer.payload}))
        .collect();
    let snapshot = json!({"type": "snapshot", "last_id": subscription.last_id,
        "heartbeat_seconds": hub.settings().heartbeat.as_secs_f64(),
        // the id that it named is forgotten, or of another life of this service
        "gap": wanted.last_id.is_some(), "workflows": states, "offers": offers});
    vec![snapshot.to_string()]
}

fn with_workflow(workflow: &str, state: &Value) -> Value {
    let mut shown = Map::new();
    shown.insert("workflow_id".to_owned(), workflow.into());
    shown.extend(state.as_object().cloned().unwrap_or_default());
    Value::Object(shown)
}
