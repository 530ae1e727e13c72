//! Celosia answers read-only SQL over several databases as one, governed by the caller's roles,
//! to AI clients that speak the Model Context Protocol.
//!
//! `ARCHITECTURE.md` describes the stages of a request and the house rules.

pub mod app;
pub mod audit;
pub mod catalog;
pub mod config;
pub mod console;
pub mod demo;
pub mod endpoint;
pub mod error;
pub mod identity;
pub mod limits;
pub mod mcp;
pub mod model;
pub mod policy;
mod post;
pub mod query;
pub mod results;
pub mod semantics;
pub mod telemetry;
