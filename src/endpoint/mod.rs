//! Endpoints that speak OpenAI's protocol: a language model and a model of embeddings. Both are optional, and neither
//! is trusted: what they say is data of a bounded length, and no word of it gets into a log or an error.
//!
//! What they are told is decided in `query`, which hands over governed text alone.

mod chat;
mod embed;
mod place;

pub use chat::{ChatModel, Message, Said, Speaker};
pub use embed::Embedder;
pub use place::{EndpointError, Place};

/// About how many tokens a text is: names and code are dense.
pub fn tokens(text: &str) -> usize {
    const BYTES_A_TOKEN: usize = 3;
    text.len().div_ceil(BYTES_A_TOKEN)
}
