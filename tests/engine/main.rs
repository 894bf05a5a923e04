//! The whole engine from outside: a real `podium`, a real PostgreSQL, and both kinds of broker.

mod bad_input;
mod explain;
mod external_payloads;
mod groups;
mod http;
mod http_notices;
mod live;
mod operations;
mod outages;
mod overview;
mod pipeline;
mod router;
