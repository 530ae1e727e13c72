//! `search` with a model of embeddings: the first hits, ranked anew by what they mean. Without the model, and where it
//! fails or is slow, the order of the words holds.
//!
//! The endpoint is told the question and of each hit what its card says to the caller: names and descriptions, no value.

use super::describe::{Describer, description, one_line};
use super::find;
use super::request::{Reply, SearchRequest};
use super::scan_plan::virtual_name;
use super::values::Values;
use crate::catalog::Hit;
use crate::endpoint::Embedder;
use crate::results::legible;
use serde_json::json;
use std::fmt::Write;
use std::time::Instant;

/// Hits that are ranked anew.
const FIRST: usize = 50;
/// Characters of a question and of an item that are sent.
const LONGEST: usize = 1_000;
/// What the meaning counts beside the place that the words gave.
const MEANING: f32 = 0.5;

/// The tables that fit a question, ranked by words and meaning.
pub(super) async fn search(
    d: &Describer<'_>,
    values: &Values,
    request: &SearchRequest,
    embedder: &Embedder,
) -> Reply {
    let index = find::index(d, values);
    let wide = request.limit.map_or(find::MOST, |limit| limit.max(FIRST));
    let mut hits = index.search(&request.question, wide);
    let ranked = hits.len().min(FIRST);
    if ranked < 2 {
        return find::search(d, values, request);
    }
    let items: Vec<String> = hits[..ranked].iter().map(|hit| item(d, hit)).collect();
    let question: String = request.question.chars().take(LONGEST).collect();
    let until = Instant::now() + embedder.timeout();
    match Box::pin(embedder.closeness(&question, &items, until)).await {
        Ok(close) => {
            let rest = hits.split_off(ranked);
            hits = blended(hits, &close);
            hits.extend(rest);
            hits.truncate(request.limit.unwrap_or(find::MOST));
            find::reply(d, &index, request, &hits)
        }
        Err(error) => {
            tracing::warn!(%error, "the embeddings are not there; the words alone rank");
            let warning = format!(
                "the tables are ranked by words alone: of the embeddings' endpoint, {error}"
            );
            warned(find::search(d, values, request), &warning)
        }
    }
}

/// The hits by the sum of two scores between 0 and 1: their place, and how close they are among each other. The lexical score
/// itself is not in it, since the words' order is more than that score (neighbours, and what adds words).
fn blended(hits: Vec<Hit>, close: &[f32]) -> Vec<Hit> {
    let least = close.iter().copied().fold(f32::INFINITY, f32::min);
    let most = close.iter().copied().fold(f32::NEG_INFINITY, f32::max);
    let (spread, count) = ((most - least).max(f32::EPSILON), hits.len() as f32);
    let mut scored: Vec<(f32, Hit)> = hits
        .into_iter()
        .enumerate()
        .zip(close)
        .map(|((at, hit), close)| {
            let place = 1.0 - at as f32 / count;
            (MEANING * (close - least) / spread + (1.0 - MEANING) * place, hit)
        })
        .collect();
    scored.sort_by(|a, b| b.0.total_cmp(&a.0));
    scored.into_iter().map(|(_, hit)| hit).collect()
}

/// What the caller may know of a table, in a few words.
fn item(d: &Describer<'_>, hit: &Hit) -> String {
    let mut text = hit.entry.reference.to_string();
    if let Some(description) = description(d, &hit.entry) {
        let _ = write!(text, ": {}", one_line(&description));
    }
    if let Some(grant) = d.view.grant(&hit.entry) {
        let columns = grant.columns().iter().filter(|granted| !granted.is_counted());
        let columns = columns.map(|granted| virtual_name(&grant, &hit.entry, granted.column()));
        let _ = write!(text, "; columns: {}", columns.collect::<Vec<_>>().join(", "));
    }
    text.chars().take(LONGEST).collect()
}

fn warned(mut reply: Reply, warning: &str) -> Reply {
    reply.text.insert_str(0, &format!("Warning: {}\n", legible(warning)));
    reply.structured["warnings"] = json!([warning]);
    reply
}
