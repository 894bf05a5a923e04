//! The clients: they start runs and do the work, and go on when the engine is away.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use podium_tests::support::client::Client;
use serde_json::{Value, json};

use crate::book::Book;
use crate::story;

/// Threads that play until they are told to stop.
pub(crate) struct Crew {
    stop: Arc<AtomicBool>,
    threads: Vec<JoinHandle<()>>,
    started: Arc<AtomicUsize>,
}

impl Crew {
    /// Starts `runs` runs, spread over `time`, and works on them.
    pub(crate) fn hire(client: &Client, book: &Arc<Book>, runs: usize, time: Duration) -> Crew {
        let (stop, started) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicUsize::new(0)));
        let mut threads = Vec::new();
        for _ in 0..2 {
            let (client, book, stop, started) =
                (client.clone(), Arc::clone(book), Arc::clone(&stop), Arc::clone(&started));
            threads.push(std::thread::spawn(move || start_runs(&client, &book, &stop, &started, runs, time)));
        }
        for number in 0..3 {
            let (client, book, stop) = (client.clone(), Arc::clone(book), Arc::clone(&stop));
            threads.push(std::thread::spawn(move || work(&client, &book, &stop, number)));
        }
        Crew { stop, threads, started }
    }

    /// Whether all runs were started.
    pub(crate) fn has_started(&self, runs: usize) -> bool {
        self.started.load(Ordering::Relaxed) >= runs
    }

    pub(crate) fn dismiss(self) {
        self.stop.store(true, Ordering::Relaxed);
        for thread in self.threads {
            thread.join().expect("a client does not panic");
        }
    }
}

fn pause() {
    std::thread::sleep(Duration::from_millis(30));
}

fn start_runs(
    client: &Client,
    book: &Book,
    stop: &AtomicBool,
    started: &AtomicUsize,
    runs: usize,
    time: Duration,
) {
    let begun = Instant::now();
    while !stop.load(Ordering::Relaxed) {
        let number = started.fetch_add(1, Ordering::Relaxed);
        if number >= runs {
            return;
        }
        while begun.elapsed() < time * number as u32 / runs as u32 && !stop.load(Ordering::Relaxed) {
            pause();
        }
        let story = number % story::STORIES;
        // A start without an answer may have happened or not: it is tried anew and counts only when it is
        // acknowledged.
        while !stop.load(Ordering::Relaxed) {
            match client.start(&story::name(story), &json!({"number": number})) {
                Ok(run) => {
                    book.started(run, story);
                    break;
                }
                Err(_) => pause(),
            }
        }
    }
}

fn work(client: &Client, book: &Book, stop: &AtomicBool, number: usize) {
    while !stop.load(Ordering::Relaxed) {
        let Ok(tasks) = client.poll(story::WORK, 5, &format!("worker-{number}")) else {
            pause();
            continue;
        };
        for task in &tasks {
            complete(client, book, stop, task);
        }
    }
}

/// Reports until there is an answer: one token for each lease.
fn complete(client: &Client, book: &Book, stop: &AtomicBool, task: &Value) {
    let token = uuid::Uuid::now_v7().to_string();
    let give_up = Instant::now() + Duration::from_secs(60);
    while !stop.load(Ordering::Relaxed) && Instant::now() < give_up {
        match client.report(task, "COMPLETED", &json!({"token": token})) {
            Ok(answer) if answer.status == 200 => {
                book.completed(task["taskId"].as_str().unwrap_or_default(), &token);
                return;
            }
            // The task ended otherwise meanwhile (its lease lapsed): an answer, though no acceptance.
            Ok(answer) if (400..500).contains(&answer.status) => return,
            Ok(_) | Err(_) => pause(),
        }
    }
}
