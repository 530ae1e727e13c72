//! The integration tests: one binary, so that DataFusion is linked once.
#![allow(missing_docs, unreachable_pub, clippy::large_futures, clippy::print_stdout)]

mod architecture;
mod ask;
mod audit;
mod caution;
mod console;
#[cfg(feature = "ballista")]
mod distributed;
mod docs;
mod engine;
mod faults;
mod fuzz;
mod governance;
mod leaks;
mod mcp;
mod operations;
mod patterns;
mod pushdown;
mod slt;
mod spellings;
mod support;
mod tenants;
mod tpch;
mod two_worlds;
