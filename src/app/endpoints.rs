//! The endpoints of a configuration.

use super::Failure;
use crate::config::{self, Config};
use crate::endpoint::{ChatModel, Embedder, Place};
use std::path::Path;
use std::sync::Arc;

/// What one endpoint is made of: its settings, and what is in the file of its certificates.
type Made<S> = Option<(S, Option<Vec<u8>>)>;

/// What the endpoints are made of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Endpoints {
    llm: Made<config::Llm>,
    embeddings: Made<config::Endpoint>,
}

/// Endpoints that are others than before. One that is as it was is not touched, so what it keeps is kept.
#[derive(Debug, Default)]
pub(super) struct Changed {
    pub(super) model: Option<Option<Arc<ChatModel>>>,
    pub(super) embedder: Option<Option<Arc<Embedder>>>,
}

impl Endpoints {
    /// Those of a configuration.
    pub(super) fn of(config: &Config) -> Self {
        let read = |ca: Option<&Path>| ca.and_then(|ca| std::fs::read(ca).ok());
        let llm = config.llm.clone().map(|llm| {
            let ca = read(llm.endpoint.ca.as_deref());
            (llm, ca)
        });
        let embeddings = config.embeddings.clone().map(|endpoint| {
            let ca = read(endpoint.ca.as_deref());
            (endpoint, ca)
        });
        Self { llm, embeddings }
    }

    /// What is another one in `now`, which are those of `config`.
    ///
    /// # Errors
    /// A changed one cannot be made.
    pub(super) fn changed(&self, now: &Self, config: &Config) -> Result<Changed, Failure> {
        let model = (self.llm != now.llm).then(|| model(config)).transpose()?;
        let embedder = (self.embeddings != now.embeddings).then(|| embedder(config)).transpose()?;
        Ok(Changed { model, embedder })
    }
}

impl Changed {
    /// Whether there is any.
    pub(super) fn is_some(&self) -> bool {
        self.model.is_some() || self.embedder.is_some()
    }
}

/// The language model, if there is one.
pub(super) fn model(config: &Config) -> Result<Option<Arc<ChatModel>>, Failure> {
    let Some(llm) = &config.llm else { return Ok(None) };
    let model = ChatModel::new(place(&llm.endpoint), llm.max_tokens, llm.rows);
    Ok(Some(Arc::new(model.map_err(|why| wrong(config, "llm", &why))?)))
}

/// The model of embeddings, if there is one.
pub(super) fn embedder(config: &Config) -> Result<Option<Arc<Embedder>>, Failure> {
    let Some(endpoint) = &config.embeddings else { return Ok(None) };
    let embedder = Embedder::new(place(endpoint));
    Ok(Some(Arc::new(embedder.map_err(|why| wrong(config, "embeddings", &why))?)))
}

/// Whether they could be made of the configuration: certificates and keys are what they should be. Nobody is asked.
pub(super) fn check(config: &Config) -> Result<(), Failure> {
    model(config).and(embedder(config).map(drop))
}

fn place(endpoint: &config::Endpoint) -> Place {
    Place {
        url: endpoint.url.clone(),
        model: endpoint.model.clone(),
        key: endpoint.key.as_ref().map(|key| key.expose().to_string()),
        ca: endpoint.ca.clone(),
        timeout: endpoint.timeout,
        concurrency: endpoint.concurrency,
    }
}

fn wrong(config: &Config, key: &str, why: &str) -> Failure {
    format!("{}: {key}: {why}", config.path().display()).into()
}
