//! The API by its own description: the document is a proper one, every operation answers as it says, and nothing that is
//! sent to any of them makes the server fail, hang, or keep what it refused.

mod answers;
mod document;
mod examples;
mod mutate;
mod walk;
mod world;
