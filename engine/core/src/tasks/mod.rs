//! Task types, one per file.
