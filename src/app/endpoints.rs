//! The endpoints of a configuration.

use super::Failure;
use crate::config::{self, Config};
use crate::endpoint::{ChatModel, Embedder, Place};
use std::sync::Arc;

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
