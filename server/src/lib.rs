//! The parts of the `podium` binary: commands, settings, what `podium dev` brings along, and how the rooms are
//! put together. No logic of the product lives here.

pub mod embedded;
