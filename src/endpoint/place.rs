//! Where an endpoint is, and one exchange with it.

use crate::post::Poster;
use serde_json::Value as Json;
use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::sync::Semaphore;

/// Where an endpoint is and how it is asked.
#[derive(Clone)]
pub struct Place {
    /// The URL that the methods' names are put behind, such as `https://llm.example.org/v1`.
    pub url: String,
    /// The model's name there.
    pub model: String,
    /// What it is shown as a bearer token.
    pub key: Option<String>,
    /// The only certificates that it may be known by; the system's where absent.
    pub ca: Option<PathBuf>,
    /// How long one question may take there, all requests for it together.
    pub timeout: Duration,
    /// Requests at a time; one more waits.
    pub concurrency: usize,
}

/// Never the key.
impl fmt::Debug for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} at {}", self.model, self.url)
    }
}

/// Why an endpoint gave nothing of use. It holds no word of what the endpoint said.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EndpointError {
    /// There is no connection, or the exchange broke off, or the answer was too large.
    Broken,
    /// Time ran out.
    Late,
    /// It answered with another status than 200.
    Status(u16),
    /// What it answered is not of the protocol's form.
    Unreadable,
}

impl fmt::Display for EndpointError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            EndpointError::Broken => {
                f.write_str("it cannot be reached, or its answer broke off or was too large")
            }
            EndpointError::Late => f.write_str("it did not answer in time"),
            EndpointError::Status(status) => write!(f, "it answered with status {status}"),
            EndpointError::Unreadable => f.write_str("its answer does not have the form it should"),
        }
    }
}

impl std::error::Error for EndpointError {}

/// One method of an endpoint.
pub(super) struct Method {
    poster: Poster,
    places: Arc<Semaphore>,
}

impl fmt::Debug for Method {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Method")
    }
}

impl Method {
    /// The method `name` of an endpoint, whose answers have at most `largest` bytes.
    pub(super) fn of(place: &Place, name: &str, largest: usize) -> Result<Self, String> {
        let url = format!("{}/{name}", place.url.trim_end_matches('/'));
        let key = place.key.as_ref().map(|key| ("authorization".into(), format!("Bearer {key}")));
        let headers = key.into_iter().collect();
        let poster = Poster::new(&url, headers, place.ca.as_deref())?;
        Ok(Self {
            // Whoever asks says until when, and that comes first.
            poster: poster.expecting(place.timeout * 2, largest),
            places: Arc::new(Semaphore::new(place.concurrency.max(1))),
        })
    }

    /// Asks, over a connection of its own: given up, it is closed, and whoever answers can stop. A redirect is not followed.
    pub(super) async fn ask(&self, body: &Json, until: Instant) -> Result<Json, EndpointError> {
        let exchange = async {
            let _place = self.places.acquire().await.map_err(|_| EndpointError::Broken)?;
            self.poster.another().post(body.to_string()).await.map_err(|_| EndpointError::Broken)
        };
        let done = tokio::time::timeout_at(until.into(), exchange).await;
        let (status, body) = done.map_err(|_| EndpointError::Late)??;
        if status.as_u16() != 200 {
            return Err(EndpointError::Status(status.as_u16()));
        }
        serde_json::from_slice(&body).map_err(|_| EndpointError::Unreadable)
    }
}
