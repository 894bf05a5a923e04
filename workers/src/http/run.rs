//! One call, from its lease to its result.

use std::panic::AssertUnwindSafe;
use std::time::Duration;

use futures::FutureExt;
use podium_core::http::{Call, Called};
use podium_runtime::{CallCount, Engine, LeasedCall};

use super::client::{Client, Fault};

/// How often a lease is renewed: twice within one, with room for a slow commit.
const RENEW_EVERY: Duration = Duration::from_secs(4);

/// Makes the call and tells the engine. Dropped before that, it hands the lease back.
pub(super) async fn run(engine: &Engine, client: &Client, leased: LeasedCall) {
    let _open = engine.call_begins();
    // the bytes that the result stands for are given back when it is stored
    let made = {
        let call = AssertUnwindSafe(make(engine, client, &leased)).catch_unwind();
        let mut call = std::pin::pin!(call);
        loop {
            tokio::select! {
                made = &mut call => break Some(made.unwrap_or_else(|_| (broken(), None))),
                () = tokio::time::sleep(RENEW_EVERY) => {
                    if !engine.call_lives(&leased).await {
                        break None;
                    }
                }
            }
        }
    };
    let Some((called, _room)) = made else {
        engine.count_call(CallCount::Late);
        return leased.forget();
    };
    if !engine.call_over(leased, called).await {
        engine.count_call(CallCount::Late);
    }
}

type Room = Option<tokio::sync::OwnedSemaphorePermit>;

async fn make(engine: &Engine, client: &Client, leased: &LeasedCall) -> (Called, Room) {
    let call = match Call::of(leased.input()) {
        Ok(call) => call,
        Err(called) => {
            engine.count_call(CallCount::Failed);
            return (*called, None);
        }
    };
    let key = leased.idempotency_key();
    match client.exchange(&call, &key).await {
        Ok((answer, room)) => {
            let count = if answer.status < 400 { CallCount::Answered } else { CallCount::Failed };
            engine.count_call(count);
            let big = answer.body.len() > super::body::BIG;
            let called = if big {
                // parsing megabytes would hold up everything else on this thread
                let called = tokio::task::spawn_blocking(move || Called::answered(&call, &answer)).await;
                called.unwrap_or_else(|_| broken())
            } else {
                Called::answered(&call, &answer)
            };
            (called, room)
        }
        Err(Fault::Denied(reason)) => {
            engine.count_call(CallCount::Denied);
            (Called::refused(&reason), None)
        }
        Err(Fault::Failed(why)) => {
            engine.count_call(CallCount::Failed);
            (Called::unanswered(&call, &why), None)
        }
    }
}

fn broken() -> Called {
    tracing::error!("the executor of an HTTP task broke off");
    Called::refused("the executor of this HTTP task broke off; the log of the node says where")
}
