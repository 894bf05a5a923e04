//! Validation of definitions.
