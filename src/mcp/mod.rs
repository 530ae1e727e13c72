//! The Model Context Protocol surface: tools, resources and prompts over stdio and streamable HTTP.
//!
//! Everything here is translation. A frame becomes a typed request, the [`Backend`] answers it for one
//! [`Principal`](crate::model::Principal), and the answer becomes text and structured content. The
//! surface holds no state between calls: every call finds its caller again, and what the caller may
//! see is decided behind the [`Backend`].
//!
//! rmcp and axum are imported here alone.

mod arguments;
mod artifact;
mod backend;
mod completion;
mod consent;
mod cursor;
mod engine;
#[doc(hidden)]
pub mod fuzz;
mod handler;
pub mod http;
mod malformed;
mod progress;
mod prompts;
mod reply;
mod resources;
pub mod stdio;
mod tools;
mod top_level_id;
mod uri;
mod view;

#[cfg(test)]
mod testing;

pub use backend::Backend;
pub use handler::CelosiaServer;
pub use tools::check_tools;
