//! From texts to vectors, by whichever model there is; when it fails, words alone have to do.

use std::{
    fmt,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use tokio::{
    sync::Semaphore,
    task,
    time::{self, Instant},
};

use super::{endpoint::Endpoint, index::bounded, local::LocalModel};

/// A text's direction: of length 1, so that the product of two is their cosine. Where two models are asked, theirs one after the other.
pub(super) type Vector = Arc<[f32]>;

/// How long a question may wait for its vector.
const QUERY_TIMEOUT: Duration = Duration::from_secs(5);

/// How long a batch of passages may take at an endpoint.
const BATCH_TIMEOUT: Duration = Duration::from_secs(60);

/// How long a model that failed is left alone; as often at most it is said that it fails.
const REST: Duration = Duration::from_secs(30);

/// Texts that are embedded with one request, or before others get a turn.
pub(super) const BATCH: usize = 16;

/// Texts that are embedded in this process at the same time: one uses all processors already.
const AT_ONCE: usize = 2;

/// Why there is no vector. The text holds nothing of what was asked.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct EmbedError(String);

#[derive(Debug)]
enum Source {
    Local(Arc<Local>),
    Endpoint(Box<Endpoint>),
}

#[derive(Debug)]
struct Local {
    model: LocalModel,
    other: Option<LocalModel>,
    id: String,
}

impl Local {
    /// The vectors of all models, each of length 1.
    fn embed(&self, text: &str) -> Result<Parts, EmbedError> {
        let own = normalised(self.model.embed(text).map_err(EmbedError)?)?;
        let other = match &self.other {
            Some(other) => normalised(other.embed(text).map_err(EmbedError)?)?,
            None => Vec::new(),
        };
        Ok(Parts { own, other })
    }
}

/// A question's direction.
#[derive(Clone, Debug)]
pub(super) struct Parts {
    pub(super) own: Vec<f32>,
    /// By the other model; empty without one.
    pub(super) other: Vec<f32>,
}

impl Parts {
    fn joined(self) -> Vector {
        [self.own, self.other].concat().into()
    }
}

/// What makes vectors. All desks share one.
pub struct Embedder {
    source: Source,
    slots: Semaphore,
    /// Until when it is not asked, after a failure.
    resting: Mutex<Option<Instant>>,
}

impl Embedder {
    /// One that works in this process. `other` is asked about questions that `model` finds nothing near.
    #[must_use]
    pub fn local(model: LocalModel, other: Option<LocalModel>) -> Self {
        let ids = [Some(&model), other.as_ref()].into_iter().flatten().map(LocalModel::id);
        let id = ids.collect::<Vec<_>>().join(", ");
        Self::new(Source::Local(Arc::new(Local { model, other, id })))
    }

    /// One that asks an endpoint.
    #[must_use]
    pub fn endpoint(endpoint: Endpoint) -> Self {
        Self::new(Source::Endpoint(Box::new(endpoint)))
    }

    fn new(source: Source) -> Self {
        Self { source, slots: Semaphore::new(AT_ONCE), resting: Mutex::new(None) }
    }

    /// Vectors of two embedders may be compared only when their ids are equal.
    #[must_use]
    pub fn id(&self) -> &str {
        match &self.source {
            Source::Local(local) => &local.id,
            Source::Endpoint(endpoint) => endpoint.id(),
        }
    }

    /// A question's vector, or none when the model fails or has failed a moment ago: then words have to do.
    pub(super) async fn question(&self, text: &str) -> Option<Parts> {
        if self.resting.lock().unwrap_or_else(PoisonError::into_inner).is_some_and(|until| Instant::now() < until) {
            return None;
        }
        let texts = vec![bounded(text).to_owned()];
        let embedded = time::timeout(QUERY_TIMEOUT, self.embed(texts, QUERY_TIMEOUT)).await;
        match embedded.unwrap_or_else(|_| Err(EmbedError("it is too slow".to_owned()))) {
            Ok(mut vectors) => vectors.pop(),
            Err(error) => {
                self.rest();
                tracing::warn!(%error, "no embedding of a question; words alone are searched for a while");
                None
            }
        }
    }

    /// The vectors of passages, in their order.
    ///
    /// # Errors
    /// When the model fails, or makes no vectors of its texts.
    pub(super) async fn passages(&self, texts: Vec<String>) -> Result<Vec<Vector>, EmbedError> {
        Ok(self.embed(texts, BATCH_TIMEOUT).await?.into_iter().map(Parts::joined).collect())
    }

    fn rest(&self) {
        *self.resting.lock().unwrap_or_else(PoisonError::into_inner) = Some(Instant::now() + REST);
    }

    async fn embed(&self, texts: Vec<String>, timeout: Duration) -> Result<Vec<Parts>, EmbedError> {
        match &self.source {
            Source::Endpoint(endpoint) => {
                let raw = endpoint.embed(&texts, timeout).await.map_err(EmbedError)?;
                let numbers = raw.first().map_or(0, Vec::len);
                if raw.iter().any(|vector| vector.len() != numbers) {
                    return Err(unusable());
                }
                let part = |vector| Ok(Parts { own: normalised(vector)?, other: Vec::new() });
                raw.into_iter().map(part).collect()
            }
            Source::Local(local) => {
                let mut vectors = Vec::with_capacity(texts.len());
                // One by one, so that a question waits for one passage, not for a batch.
                for text in texts {
                    let _slot = self.slots.acquire().await.map_err(|_| EmbedError("it is closed".to_owned()))?;
                    let local = Arc::clone(local);
                    let embedded = task::spawn_blocking(move || local.embed(&text)).await;
                    vectors.push(embedded.map_err(|_| EmbedError("it panicked".to_owned()))??);
                }
                Ok(vectors)
            }
        }
    }
}

/// Of length 1.
fn normalised(mut vector: Vec<f32>) -> Result<Vec<f32>, EmbedError> {
    let length = vector.iter().map(|x| x * x).sum::<f32>().sqrt();
    if !length.is_finite() || length <= f32::EPSILON {
        return Err(unusable());
    }
    for x in &mut vector {
        *x /= length;
    }
    Ok(vector)
}

fn unusable() -> EmbedError {
    EmbedError("a vector is unusable".to_owned())
}

/// The cosine of two vectors, from −1 to 1; of different models' −1.
pub(super) fn cosine(a: &[f32], b: &[f32]) -> f32 {
    if a.len() != b.len() {
        return -1.0;
    }
    // Eight sums at once, which the compiler makes one instruction of.
    let (heads, tails) = (a.chunks_exact(8), b.chunks_exact(8));
    let rest: f32 = heads.remainder().iter().zip(tails.remainder()).map(|(x, y)| x * y).sum();
    let mut sums = [0.0_f32; 8];
    for (x, y) in heads.zip(tails) {
        for (sum, (x, y)) in sums.iter_mut().zip(x.iter().zip(y)) {
            *sum += x * y;
        }
    }
    sums.iter().sum::<f32>() + rest
}

impl fmt::Debug for Embedder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Embedder").field(&self.source).finish()
    }
}
