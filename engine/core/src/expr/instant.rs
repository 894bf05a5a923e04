//! The texts of a WAIT: durations and instants.
