//! What a node says about itself: health and counters.

use std::time::Duration;

/// Whether this node can do its work.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Health {
    /// Every writer runs, the database took a write lately, and the node is not stopping.
    pub healthy: bool,
    /// Why not, in words; `None` while healthy.
    pub reason: Option<String>,
    /// Time since PostgreSQL last confirmed a write of this node (the pulse writes every second).
    pub last_write_age: Duration,
    pub writers_alive: bool,
    pub stopping: bool,
}

/// Figures since the node started, except where a field says "now".
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counters {
    /// Runs that were decided, confirmations included.
    pub turns: u64,
    /// Statements that wrote turns.
    pub batches: u64,
    /// Events decided.
    pub events: u64,
    pub runs_started: u64,
    /// Runs that ended in a turn of this node.
    pub runs_ended: u64,
    /// Turns whose version had moved: decided again.
    pub stale: u64,
    /// Turns that could not be stored on their own: their callers were told.
    pub failed_turns: u64,
    /// Runs put aside with a fault, because work of the node itself with them broke off or was refused.
    pub runs_faulted: u64,
    /// Tasks written once, already leased to a parked poller.
    pub handoffs: u64,
    /// Tasks claimed from the window of ready tasks.
    pub claims: u64,
    /// Claims that another worker or node had won.
    pub lost_claims: u64,
    /// Leases handed back because the worker never got the answer.
    pub returned_leases: u64,
    pub polls: u64,
    pub empty_polls: u64,
    /// Polls waiting now.
    pub parked_polls: u64,
    /// Calls waiting for a run to go on, now.
    pub waiting_calls: u64,
    /// Reads of candidates from the ready index.
    pub candidate_reads: u64,
    /// Reports for tasks or runs that had already ended.
    pub late_reports: u64,
    pub cache_hits: u64,
    pub cache_misses: u64,
    /// Runs in memory now.
    pub cached_runs: u64,
    /// Due events fired.
    pub timers_fired: u64,
    /// Largest lateness of a fired timer, in milliseconds.
    pub timer_lateness_max_ms: u64,
    pub pulses: u64,
    pub failed_pulses: u64,
    /// Calls refused because the node was full or stopping.
    pub refused_overload: u64,
    pub relay_published: u64,
    pub relay_refused: u64,
    pub relay_lost: u64,
    /// Messages handed to the relay and not settled yet, now.
    pub relay_open: u64,
    /// Calls of HTTP tasks that a server answered with less than 400.
    pub calls_answered: u64,
    /// Calls that failed: no answer, one of 400 and more, a request that cannot be read.
    pub calls_failed: u64,
    /// Calls that the rules of `[egress]` do not allow.
    pub calls_denied: u64,
    /// Calls whose result came too late: the task had ended, or another node makes the call.
    pub calls_late: u64,
    /// Calls under way, now.
    pub calls_open: u64,
    /// Notices that an HTTP endpoint took.
    pub http_notices_delivered: u64,
    /// Tries to deliver one that failed, and are made again.
    pub http_notices_failed: u64,
    /// Notices given up: the endpoint refused them, a rule of `[egress]` does not allow it, or they were a day old.
    pub http_notices_dropped: u64,
    pub events_ingested: u64,
    pub events_unknown_run: u64,
    /// Events of own queues that were taken with all that their handlers do.
    pub events_handled: u64,
    /// Actions of event handlers that were done or handed to their run.
    pub handler_actions: u64,
    /// Actions of event handlers that could not be done: an unknown workflow, an id that is none.
    pub failed_handler_actions: u64,
    /// Open runs without any cause of progress at the last audit: must be zero.
    pub stuck_runs: u64,
    /// Runs that had a fault at the last audit, of all nodes: each waits for somebody who looks at it.
    pub faulted_runs: u64,
    /// Runs whose words, for searches, this node has made.
    pub words_made: u64,
    /// Runs changed by this node whose words are still to be made, now.
    pub words_pending: u64,
}
