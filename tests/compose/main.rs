//! The compose files, without a container engine: their form, the house's rules for containers, and every command that
//! they and the Dockerfile run with Podium's binary.

mod commands;
mod files;
mod rules;
