//! Sends news to sockets. Nobody waits for a slow one: its queue is full, so it is dropped.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use parking_lot::Mutex;
use serde_json::{Map, Value, json};
use tokio::sync::mpsc;

use super::super::settings::LiveSettings;

/// Workflows whose offers and states are remembered; beyond it the oldest are forgotten.
const REMEMBERED: usize = 1_000;

/// Something that happened.
#[derive(Clone, Debug)]
pub(crate) enum News {
    /// A workflow failed and can be taken up again.
    Offer(Offer),
    /// A workflow is no longer failed: its offer is over.
    Resumed,
    /// Statistics of a service.
    Statistics { task_id: Value, stats_url: String, content: String },
    /// A service reported.
    Event(Value),
    /// A workflow's tasks stand differently.
    Status(Value),
}

/// How a failed workflow is taken up again, in the documented words.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Offer {
    pub(crate) api_url: String,
    pub(crate) rerun_url: String,
    pub(crate) payload: Value,
}

impl Offer {
    /// The two messages that the designer knows.
    pub(crate) fn documented(&self) -> Vec<String> {
        vec![
            json!({"rerun_url": self.rerun_url, "CONDUCTOR_BASE_URL": self.api_url}).to_string(),
            json!({"retry_url": self.rerun_url, "payload": self.payload}).to_string(),
        ]
    }
}

/// News as it goes out.
#[derive(Debug)]
pub(crate) struct Message {
    pub(crate) id: String,
    pub(crate) workflow_id: String,
    /// For sockets that know only the documented messages; empty for news that they do not.
    pub(crate) documented: Vec<String>,
    /// For all others.
    pub(crate) live: String,
}

impl Message {
    fn size(&self) -> usize {
        self.live.len() + self.documented.iter().map(String::len).sum::<usize>()
    }
}

/// A socket's end of the hub. Its queue ends when it was too slow.
pub(crate) struct Subscription {
    number: u64,
    hub: Arc<Hub>,
    pub(crate) queue: mpsc::Receiver<Arc<Message>>,
    /// What it missed since the id that it named; `None` when that cannot be told any more.
    pub(crate) missed: Option<Vec<Arc<Message>>>,
    /// Offers that are open now, by workflow.
    pub(crate) offers: Vec<(String, Offer)>,
    /// States as they are known, by workflow.
    pub(crate) states: Vec<(String, Value)>,
    /// The id of the last message before this.
    pub(crate) last_id: String,
}

impl Drop for Subscription {
    fn drop(&mut self) {
        self.hub.inner.lock().clients.remove(&self.number);
    }
}

/// The place where news meet sockets.
pub(crate) struct Hub {
    settings: LiveSettings,
    /// Begins every id: ids of another life of this process mean nothing.
    life: String,
    inner: Mutex<Inner>,
}

#[derive(Default)]
struct Inner {
    /// Number of the last message.
    last: u64,
    kept: VecDeque<(u64, Arc<Message>)>,
    kept_bytes: usize,
    clients: BTreeMap<u64, mpsc::Sender<Arc<Message>>>,
    next_client: u64,
    offers: VecDeque<(String, Offer)>,
    states: VecDeque<(String, Value)>,
}

impl Hub {
    pub(crate) fn new(settings: LiveSettings) -> Arc<Self> {
        let life = format!("{:x}", uuid::Uuid::now_v7().as_u128() >> 32 & 0xffff_ffff_ffff);
        Arc::new(Self { settings, life, inner: Mutex::default() })
    }

    pub(crate) fn settings(&self) -> &LiveSettings {
        &self.settings
    }

    /// Sends news of a workflow to every socket, and keeps it for those that come back.
    pub(crate) fn publish(&self, workflow_id: &str, news: News) {
        let mut inner = self.inner.lock();
        let documented = match &news {
            News::Offer(offer) => {
                remember(&mut inner.offers, workflow_id, offer.clone());
                offer.documented()
            }
            News::Resumed => {
                let before = inner.offers.len();
                inner.offers.retain(|(id, _)| id != workflow_id);
                if inner.offers.len() == before {
                    return;
                }
                Vec::new()
            }
            News::Statistics { task_id, stats_url, content } => {
                let message = json!({"workflow_id": workflow_id, "taskId": task_id, "stats_url": stats_url,
                    "content": content});
                vec![message.to_string()]
            }
            News::Status(state) => {
                remember(&mut inner.states, workflow_id, state.clone());
                Vec::new()
            }
            News::Event(_) => Vec::new(),
        };
        inner.last += 1;
        let number = inner.last;
        let id = format!("{}-{number}", self.life);
        let live = live_form(&id, workflow_id, news).to_string();
        let message = Arc::new(Message { id, workflow_id: workflow_id.to_owned(), documented, live });
        inner.kept_bytes += message.size();
        inner.kept.push_back((number, Arc::clone(&message)));
        while inner.kept.len() > self.settings.kept_messages || inner.kept_bytes > self.settings.kept_bytes {
            let Some((_, gone)) = inner.kept.pop_front() else { break };
            inner.kept_bytes -= gone.size();
        }
        // a full queue is a socket that is too slow; its task sees the end of the queue
        inner.clients.retain(|_, client| client.try_send(Arc::clone(&message)).is_ok());
    }

    /// Joins a socket, with everything since `last_id`; `None` when there are too many.
    pub(crate) fn subscribe(self: &Arc<Self>, last_id: Option<&str>) -> Option<Subscription> {
        let mut inner = self.inner.lock();
        if inner.clients.len() >= self.settings.max_clients {
            return None;
        }
        let (sender, queue) = mpsc::channel(self.settings.client_messages.max(1));
        let number = inner.next_client;
        inner.next_client += 1;
        inner.clients.insert(number, sender);
        let missed = match last_id {
            None => Some(Vec::new()),
            Some(id) => self.since(&inner, id),
        };
        Some(Subscription {
            number,
            hub: Arc::clone(self),
            queue,
            missed,
            offers: inner.offers.iter().cloned().collect(),
            states: inner.states.iter().cloned().collect(),
            last_id: format!("{}-{}", self.life, inner.last),
        })
    }

    /// Whether anybody listens.
    pub(crate) fn is_watched(&self) -> bool {
        !self.inner.lock().clients.is_empty()
    }

    pub(crate) fn clients(&self) -> usize {
        self.inner.lock().clients.len()
    }

    /// The open offer of a workflow.
    pub(crate) fn offer_of(&self, workflow_id: &str) -> Option<Offer> {
        let inner = self.inner.lock();
        inner.offers.iter().find(|(id, _)| id == workflow_id).map(|(_, offer)| offer.clone())
    }

    fn since(&self, inner: &Inner, id: &str) -> Option<Vec<Arc<Message>>> {
        let (life, number) = id.rsplit_once('-')?;
        let number: u64 = number.parse().ok()?;
        let first = inner.kept.front().map_or(inner.last + 1, |(first, _)| *first);
        if life != self.life || number > inner.last || number + 1 < first {
            return None;
        }
        let later = inner.kept.iter().filter(|(kept, _)| *kept > number);
        Some(later.map(|(_, message)| Arc::clone(message)).collect())
    }
}

/// Puts a value in place of the workflow's earlier one, as the newest.
fn remember<T>(list: &mut VecDeque<(String, T)>, workflow_id: &str, value: T) {
    list.retain(|(id, _)| id != workflow_id);
    list.push_back((workflow_id.to_owned(), value));
    if list.len() > REMEMBERED {
        list.pop_front();
    }
}

/// News as an object with its id, kind and workflow in front.
fn live_form(id: &str, workflow_id: &str, news: News) -> Value {
    let (kind, rest) = match news {
        News::Offer(offer) => {
            let fields = json!({"retry_url": offer.rerun_url, "CONDUCTOR_BASE_URL": offer.api_url, "payload": offer.payload});
            ("retry_offer", fields)
        }
        News::Resumed => ("resumed", json!({})),
        News::Statistics { task_id, stats_url, content } => {
            ("statistics", json!({"taskId": task_id, "stats_url": stats_url, "content": content}))
        }
        News::Event(event) => ("event", event),
        News::Status(state) => ("status", state),
    };
    let mut message = Map::new();
    message.insert("type".to_owned(), kind.into());
    message.insert("id".to_owned(), id.into());
    message.insert("workflow_id".to_owned(), workflow_id.into());
    if let Value::Object(fields) = rest {
        message.extend(fields.into_iter().filter(|(name, _)| name != "type" && name != "id"));
    }
    Value::Object(message)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hub(client_messages: usize, kept_messages: usize) -> Arc<Hub> {
        Hub::new(LiveSettings { client_messages, kept_messages, ..LiveSettings::default() })
    }

    fn event(number: u64) -> News {
        News::Event(json!({"number": number}))
    }

    fn offer() -> Offer {
        Offer {
            api_url: "http://e:8080/api".into(),
            rerun_url: "http://e:8080/api/workflow/0d9c/rerun".into(),
            payload: json!({"workflowId": "0d9c", "reRunFromTaskRefName": "a", "reRunFromTaskId": "1", "resetTasks": ["a"]}),
        }
    }

    #[test]
    fn the_designer_gets_its_messages_byte_for_byte() {
        let hub = hub(8, 8);
        let mut socket = hub.subscribe(None).expect("room");
        hub.publish("0d9c", News::Offer(offer()));
        let content = "{\"a\":1}\n".to_owned();
        hub.publish(
            "0d9c",
            News::Statistics { task_id: "t".into(), stats_url: "minio://b/f".into(), content },
        );
        let offered = socket.queue.try_recv().expect("an offer");
        assert_eq!(
            offered.documented,
            [
                r#"{"rerun_url":"http://e:8080/api/workflow/0d9c/rerun","CONDUCTOR_BASE_URL":"http://e:8080/api"}"#,
                r#"{"retry_url":"http://e:8080/api/workflow/0d9c/rerun","payload":{"workflowId":"0d9c","reRunFromTaskRefName":"a","reRunFromTaskId":"1","resetTasks":["a"]}}"#,
            ]
        );
        let statistics = socket.queue.try_recv().expect("statistics");
        assert_eq!(
            statistics.documented,
            [r#"{"workflow_id":"0d9c","taskId":"t","stats_url":"minio://b/f","content":"{\"a\":1}\n"}"#]
        );
    }

    #[test]
    fn offers_wait_for_later_sockets_until_they_are_over() {
        let hub = hub(8, 8);
        hub.publish("w", News::Offer(offer()));
        hub.publish("w", News::Offer(offer()));
        assert_eq!(hub.subscribe(None).expect("room").offers.len(), 1);
        assert!(hub.offer_of("w").is_some());
        hub.publish("w", News::Resumed);
        assert!(hub.subscribe(None).expect("room").offers.is_empty());
        let before = hub.subscribe(None).expect("room").last_id.clone();
        hub.publish("w", News::Resumed);
        assert_eq!(hub.subscribe(None).expect("room").last_id, before, "nothing was over");
    }

    #[test]
    fn who_comes_back_gets_what_was_missed() {
        let hub = hub(8, 3);
        let at = hub.subscribe(None).expect("room").last_id.clone();
        (0..3).for_each(|n| hub.publish("w", event(n)));
        let missed = hub.subscribe(Some(&at)).expect("room").missed.take().expect("it is known");
        assert_eq!(missed.len(), 3);
        assert!(missed[0].live.ends_with("\"number\":0}"), "{}", missed[0].live);
        hub.publish("w", event(3));
        assert!(hub.subscribe(Some(&at)).expect("room").missed.is_none(), "the first is forgotten");
        for strange in ["", "x", "0-1", "zz-99999"] {
            assert!(hub.subscribe(Some(strange)).expect("room").missed.is_none(), "{strange}");
        }
    }

    #[test]
    fn a_slow_socket_is_dropped_and_others_get_everything() {
        let hub = hub(2, 8);
        let mut slow = hub.subscribe(None).expect("room");
        let mut quick = hub.subscribe(None).expect("room");
        for n in 0..5 {
            hub.publish("w", event(n));
            assert!(quick.queue.try_recv().is_ok());
        }
        assert_eq!(hub.clients(), 1);
        let mut got = 0;
        while slow.queue.try_recv().is_ok() {
            got += 1;
        }
        assert_eq!(got, 2, "what it had, then the end");
        drop(quick);
        assert!(!hub.is_watched());
    }
}
