//! What is documented works: command lines are parsed by the real command line and the harmless ones run, the
//! recipes of the cookbook are loaded and show what they promise, links lead somewhere.
// Helpers of tests may panic and print as tests do.
#![allow(clippy::unwrap_used, clippy::print_stdout)]

mod commands;
mod compliance;
mod cookbook;
mod page;
