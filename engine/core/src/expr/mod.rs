//! Templates and paths.
