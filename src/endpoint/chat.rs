//! A language model, asked by `chat/completions`.

use super::place::{EndpointError, Method, Place};
use super::tokens;
use serde_json::{Value as Json, json};
use std::time::{Duration, Instant};

/// The largest answer that is read.
const LARGEST: usize = 1 << 20;
/// The longest text of an answer that is looked at, in bytes: a statement and what was assumed.
const LONGEST: usize = 64 << 10;

/// A language model.
#[derive(Debug)]
pub struct ChatModel {
    method: Method,
    place: Place,
    max_tokens: usize,
    rows: bool,
}

/// Who says a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Speaker {
    /// This server, about what is to be done.
    System,
    /// This server, for somebody who asks.
    User,
    /// The model, before.
    Model,
}

/// One message of a conversation.
#[derive(Debug, Clone)]
pub struct Message {
    /// Who says it.
    pub speaker: Speaker,
    /// The text.
    pub text: String,
}

/// What a model said. It is untrusted.
pub struct Said {
    /// The text.
    pub text: String,
    /// What the exchange cost: as the endpoint counts where that is more than our own guess.
    pub tokens: usize,
}

/// Never the text.
impl std::fmt::Debug for Said {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} bytes", self.text.len())
    }
}

impl ChatModel {
    /// The model at `place`, with a budget of tokens for each question. With `rows` it may be shown governed values.
    ///
    /// # Errors
    /// The certificates cannot be read, or the key is none.
    pub fn new(place: Place, max_tokens: usize, rows: bool) -> Result<Self, String> {
        let method = Method::of(&place, "chat/completions", LARGEST)?;
        Ok(Self { method, place, max_tokens, rows })
    }

    /// The model's name at its endpoint.
    pub fn name(&self) -> &str {
        &self.place.model
    }

    /// Tokens that one question may cost, sent and received.
    pub fn max_tokens(&self) -> usize {
        self.max_tokens
    }

    /// How long one question may take at the endpoint.
    pub fn timeout(&self) -> Duration {
        self.place.timeout
    }

    /// Whether it may be shown values, as the caller sees them.
    pub fn is_shown_rows(&self) -> bool {
        self.rows
    }

    /// What the model says next, in at most `most` tokens.
    ///
    /// # Errors
    /// It says nothing of use until then.
    pub async fn say(
        &self,
        messages: &[Message],
        most: usize,
        until: Instant,
    ) -> Result<Said, EndpointError> {
        let sent: Vec<Json> = messages.iter().map(message).collect();
        let body = json!({
            "model": self.place.model,
            "messages": sent,
            "temperature": 0,
            "max_tokens": most,
            "stream": false,
        });
        let answer = self.method.ask(&body, until).await?;
        let text = answer["choices"][0]["message"]["content"].as_str();
        let text = text.ok_or(EndpointError::Unreadable)?;
        if text.len() > LONGEST {
            return Err(EndpointError::Unreadable);
        }
        let guess = messages.iter().map(|m| tokens(&m.text)).sum::<usize>() + tokens(text);
        let counted = answer["usage"]["total_tokens"].as_u64().unwrap_or_default();
        let tokens = guess.max(usize::try_from(counted).unwrap_or(usize::MAX));
        Ok(Said { text: text.to_string(), tokens })
    }
}

fn message(message: &Message) -> Json {
    let role = match message.speaker {
        Speaker::System => "system",
        Speaker::User => "user",
        Speaker::Model => "assistant",
    };
    json!({ "role": role, "content": message.text })
}
