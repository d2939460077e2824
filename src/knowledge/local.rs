//! Embeddings in this process: sentence encoders whose weights lie in a folder.

use std::{fmt, fs, path::Path};

use serde::Deserialize;
use sha2::{Digest, Sha256};
use tokenizers::{Tokenizer, TruncationParams};

use super::{
    bert::{self, Bert},
    universal::{self, Universal},
};

/// The files of a model's folder.
pub const MODEL_FILES: [&str; 3] = ["config.json", "tokenizer.json", "model.safetensors"];

/// What `config.json` calls the encoder of `universal`; all others are of the BERT kind.
const UNIVERSAL: &str = "universal-sentence-encoder-multilingual";

/// The most tokens of a text that count; all-MiniLM-L6-v2 was trained on no more.
const MAX_TOKENS: usize = 256;

/// How much of each end of the weights goes into the model's id: enough to tell two models apart, and quick.
const ID_BYTES: usize = 64 * 1024;

/// A model that could not be loaded; the text names the file.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct ModelError(String);

/// An encoder in memory.
pub struct LocalModel {
    id: String,
    tokenizer: Tokenizer,
    encoder: Encoder,
}

enum Encoder {
    Bert(Box<Bert>),
    Universal(Box<Universal>),
}

#[derive(Deserialize)]
struct Kind {
    model_type: Option<String>,
}

impl LocalModel {
    /// Whether `folder` holds a model.
    #[must_use]
    pub fn is_there(folder: &Path) -> bool {
        MODEL_FILES.iter().all(|name| folder.join(name).is_file())
    }

    /// Reads a model of the BERT kind with mean pooling, such as all-MiniLM-L6-v2, or the multilingual Universal Sentence
    /// Encoder. Takes 0.1 s and the weights' size in memory.
    ///
    /// # Errors
    /// When a file is missing or damaged, or the model is of another kind.
    pub fn load(folder: &Path) -> Result<Self, ModelError> {
        let read = |name: &str| {
            let path = folder.join(name);
            fs::read(&path).map_err(|error| ModelError(format!("cannot read {}: {error}", path.display())))
        };
        let damaged = |name: &str, error: &dyn fmt::Display| {
            ModelError(format!("{} is damaged or of another kind: {error}", folder.join(name).display()))
        };
        let [config, tokenizer, weights] = MODEL_FILES;
        let settings = read(config)?;
        let kind: Kind = serde_json::from_slice(&settings).map_err(|error| damaged(config, &error))?;
        let bytes = read(weights)?;
        let id = id(&settings, &bytes);
        let (encoder, positions) = if kind.model_type.as_deref() == Some(UNIVERSAL) {
            let parsed: universal::Config =
                serde_json::from_slice(&settings).map_err(|error| damaged(config, &error))?;
            let universal = Universal::new(&parsed, bytes).map_err(|error| damaged(weights, &error))?;
            (Encoder::Universal(Box::new(universal)), MAX_TOKENS)
        } else {
            let parsed: bert::Config = serde_json::from_slice(&settings).map_err(|error| damaged(config, &error))?;
            let bert = Bert::new(&parsed, bytes).map_err(|error| damaged(weights, &error))?;
            (Encoder::Bert(Box::new(bert)), parsed.positions().min(MAX_TOKENS))
        };
        let mut words = Tokenizer::from_bytes(read(tokenizer)?).map_err(|error| damaged(tokenizer, &error))?;
        let truncation = TruncationParams { max_length: positions, ..Default::default() };
        words.with_truncation(Some(truncation)).map_err(|error| damaged(tokenizer, &error))?;
        // Each text is encoded by itself: what stands beside it must not change its vector.
        words.with_padding(None);
        Ok(Self { id, tokenizer: words, encoder })
    }

    /// Another for other weights.
    pub(super) fn id(&self) -> &str {
        &self.id
    }

    /// A text's vector, not normalised. Takes some 10 ms of all processors for a question, 50 for a passage; the Universal
    /// Sentence Encoder a tenth of that.
    pub(super) fn embed(&self, text: &str) -> Result<Vec<f32>, String> {
        let encoding = self.tokenizer.encode_fast(text, true).map_err(|error| error.to_string())?;
        let vector = match &self.encoder {
            Encoder::Bert(bert) => bert.encode(encoding.get_ids()),
            Encoder::Universal(universal) => universal.encode(encoding.get_ids()),
        };
        vector.map_err(|error| error.to_string())
    }
}

fn id(config: &[u8], weights: &[u8]) -> String {
    let ends = [&weights[..weights.len().min(ID_BYTES)], &weights[weights.len().saturating_sub(ID_BYTES)..]].concat();
    let digest = Sha256::new().chain_update(config).chain_update(weights.len().to_le_bytes()).chain_update(ends);
    let digest: String = digest.finalize().iter().take(16).map(|byte| format!("{byte:02x}")).collect();
    format!("local {digest}")
}

impl fmt::Debug for LocalModel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LocalModel").field("id", &self.id).finish_non_exhaustive()
    }
}
