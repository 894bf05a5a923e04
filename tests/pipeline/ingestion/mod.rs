//! The ingestion service as its callers see it: deployments, files, sockets, retries.

mod bad_input;
mod crash;
mod deploy;
mod designer;
mod files;
mod live;
mod retry;
mod world;
