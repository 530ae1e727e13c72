//! A model of embeddings, asked by `embeddings`. Vectors of catalog items are kept, by a digest of their text: a caller
//! who may not see an item never has its text, and so never meets its vector.

use super::place::{EndpointError, Method, Place};
use serde_json::json;
use sha2::{Digest, Sha256};
use std::sync::Arc;
use std::time::{Duration, Instant};

/// Texts of one request. What one request brought is kept, also where a later one is late.
const BATCH: usize = 16;
/// The largest answer that is read: so many vectors of a few thousand numbers.
const LARGEST: usize = 4 << 20;
/// Numbers of a vector, at most.
const LONGEST: usize = 8_192;
/// Bytes of all kept vectors.
const KEPT: u64 = 64 << 20;

/// The direction of a text's meaning, of length one.
type Vector = Arc<[f32]>;

/// A model of embeddings.
#[derive(Debug)]
pub struct Embedder {
    method: Method,
    place: Place,
    kept: moka::sync::Cache<[u8; 32], Vector>,
}

impl Embedder {
    /// The model at `place`.
    ///
    /// # Errors
    /// The certificates cannot be read, or the key is none.
    pub fn new(place: Place) -> Result<Self, String> {
        let method = Method::of(&place, "embeddings", LARGEST)?;
        let size = |_: &[u8; 32], vector: &Vector| {
            u32::try_from(vector.len() * size_of::<f32>() + 64).unwrap_or(u32::MAX)
        };
        let kept = moka::sync::Cache::builder().weigher(size).max_capacity(KEPT).build();
        Ok(Self { method, place, kept })
    }

    /// How long one question may take.
    pub fn timeout(&self) -> Duration {
        self.place.timeout
    }

    /// How close each item is to the question, from -1 to 1. The question is not kept.
    ///
    /// # Errors
    /// Not all vectors are there until then.
    pub async fn closeness(
        &self,
        question: &str,
        items: &[String],
        until: Instant,
    ) -> Result<Vec<f32>, EndpointError> {
        let mut vectors: Vec<Option<Vector>> =
            items.iter().map(|item| self.kept.get(&digest(item))).collect();
        let missing: Vec<usize> = (0..items.len()).filter(|at| vectors[*at].is_none()).collect();
        let mut first = missing.chunks(BATCH - 1);
        let mut batch: Vec<usize> = first.next().unwrap_or_default().to_vec();
        let texts = std::iter::once(question).chain(batch.iter().map(|at| items[*at].as_str()));
        let mut found = self.vectors(&texts.collect::<Vec<_>>(), until).await?;
        let asked = found.remove(0);
        loop {
            for (at, vector) in batch.iter().zip(found) {
                self.kept.insert(digest(&items[*at]), vector.clone());
                vectors[*at] = Some(vector);
            }
            let Some(next) = first.next() else { break };
            batch = next.to_vec();
            let texts: Vec<&str> = batch.iter().map(|at| items[*at].as_str()).collect();
            found = self.vectors(&texts, until).await?;
        }
        // Another model may answer under the same name from one day to the next.
        let close = vectors.iter().flatten().map(|vector| {
            let dot = || asked.iter().zip(vector.iter()).map(|(a, b)| a * b).sum();
            if vector.len() == asked.len() { Ok(dot()) } else { Err(EndpointError::Unreadable) }
        });
        let close = close.collect();
        if matches!(close, Err(EndpointError::Unreadable)) {
            self.kept.invalidate_all();
        }
        close
    }

    /// The vectors of some texts, in their order.
    async fn vectors(&self, texts: &[&str], until: Instant) -> Result<Vec<Vector>, EndpointError> {
        let body = json!({ "model": self.place.model, "input": texts, "encoding_format": "float" });
        let answer = self.method.ask(&body, until).await?;
        let data = answer["data"].as_array().ok_or(EndpointError::Unreadable)?;
        let mut vectors: Vec<Option<Vector>> = vec![None; texts.len()];
        for (at, entry) in data.iter().enumerate() {
            let at = match entry["index"].as_u64() {
                Some(index) => usize::try_from(index).unwrap_or(usize::MAX),
                None => at,
            };
            let vector = unit(entry["embedding"].as_array().map_or(&[], Vec::as_slice));
            *vectors.get_mut(at).ok_or(EndpointError::Unreadable)? = vector;
        }
        let all: Option<Vec<Vector>> = vectors.into_iter().collect();
        let all = all.ok_or(EndpointError::Unreadable)?;
        let same = all.windows(2).all(|pair| pair[0].len() == pair[1].len());
        if same { Ok(all) } else { Err(EndpointError::Unreadable) }
    }
}

/// Numbers as a direction; `None` where they are none.
fn unit(numbers: &[serde_json::Value]) -> Option<Vector> {
    if numbers.is_empty() || numbers.len() > LONGEST {
        return None;
    }
    let numbers: Option<Vec<f64>> = numbers.iter().map(serde_json::Value::as_f64).collect();
    let numbers = numbers?;
    let length = numbers.iter().map(|x| x * x).sum::<f64>().sqrt();
    if !length.is_finite() || length == 0.0 {
        return None;
    }
    Some(numbers.iter().map(|x| (x / length) as f32).collect())
}

fn digest(text: &str) -> [u8; 32] {
    Sha256::digest(text.as_bytes()).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_become_a_direction_or_nothing() {
        let of = |value: serde_json::Value| unit(value.as_array().unwrap());
        assert_eq!(of(json!([3, 4])).as_deref(), Some(&[0.6_f32, 0.8][..]));
        for none in
            [json!([]), json!([0, 0]), json!(["a"]), json!([null, 1]), json!([1e300, 1e300])]
        {
            assert!(of(none.clone()).is_none(), "{none}");
        }
        assert!(of(json!(vec![1; LONGEST + 1])).is_none());
    }
}
