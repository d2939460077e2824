//! BERT as sentence encoders use it (all-MiniLM-L6-v2 and its kin), on candle's building blocks.
//!
//! candle-transformers has it as well, beside a hundred other models that take a minute and a half to compile.

use candle_core::{D, DType, Device, Result, Tensor};
use candle_nn::{
    Embedding, LayerNorm, Linear, Module, VarBuilder, embedding, layer_norm, linear, ops::softmax_last_dim,
};
use serde::Deserialize;

/// What `config.json` says.
#[derive(Debug, Deserialize)]
pub(super) struct Config {
    vocab_size: usize,
    hidden_size: usize,
    num_hidden_layers: usize,
    num_attention_heads: usize,
    intermediate_size: usize,
    max_position_embeddings: usize,
    type_vocab_size: usize,
    layer_norm_eps: f64,
    hidden_act: Activation,
}

/// The one that all of these use; another in `config.json` is an error.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Activation {
    Gelu,
}

impl Config {
    /// The most tokens of a text.
    pub(super) fn positions(&self) -> usize {
        self.max_position_embeddings
    }
}

/// The encoder with its weights, on the CPU.
pub(super) struct Bert {
    words: Embedding,
    positions: Embedding,
    types: Embedding,
    norm: LayerNorm,
    layers: Vec<Layer>,
}

struct Layer {
    heads: usize,
    query: Linear,
    key: Linear,
    value: Linear,
    attended: Linear,
    attended_norm: LayerNorm,
    wide: Linear,
    narrow: Linear,
    norm: LayerNorm,
}

impl Bert {
    /// Takes the weights out of a safetensors file's bytes.
    ///
    /// # Errors
    /// When one is missing or of another shape than `config` says.
    pub(super) fn new(config: &Config, safetensors: Vec<u8>) -> Result<Self> {
        if config.num_attention_heads == 0 || !config.hidden_size.is_multiple_of(config.num_attention_heads) {
            candle_core::bail!("hidden_size is no multiple of num_attention_heads");
        }
        let Activation::Gelu = config.hidden_act;
        let weights = VarBuilder::from_buffered_safetensors(safetensors, DType::F32, &Device::Cpu)?;
        let (size, eps) = (config.hidden_size, config.layer_norm_eps);
        let first = weights.pp("embeddings");
        Ok(Self {
            words: embedding(config.vocab_size, size, first.pp("word_embeddings"))?,
            positions: embedding(config.max_position_embeddings, size, first.pp("position_embeddings"))?,
            types: embedding(config.type_vocab_size, size, first.pp("token_type_embeddings"))?,
            norm: layer_norm(size, eps, first.pp("LayerNorm"))?,
            layers: (0..config.num_hidden_layers)
                .map(|number| Layer::new(config, &weights.pp(format!("encoder.layer.{number}"))))
                .collect::<Result<_>>()?,
        })
    }

    /// The mean of the tokens' last states: the text's vector, not normalised.
    ///
    /// # Errors
    /// When there is no token, or more than the model has positions.
    pub(super) fn encode(&self, tokens: &[u32]) -> Result<Vec<f32>> {
        let count = u32::try_from(tokens.len()).map_err(candle_core::Error::wrap)?;
        let places = Tensor::arange(0, count, &Device::Cpu)?;
        let kinds = Tensor::zeros(tokens.len(), DType::U32, &Device::Cpu)?;
        let words = self.words.forward(&Tensor::new(tokens, &Device::Cpu)?)?;
        let sum = (words + self.positions.forward(&places)?)?;
        let mut states = self.norm.forward(&(sum + self.types.forward(&kinds)?)?)?;
        for layer in &self.layers {
            states = layer.forward(&states)?;
        }
        states.mean(0)?.to_vec1()
    }
}

impl Layer {
    fn new(config: &Config, weights: &VarBuilder) -> Result<Self> {
        let (size, eps) = (config.hidden_size, config.layer_norm_eps);
        let attention = weights.pp("attention");
        Ok(Self {
            heads: config.num_attention_heads,
            query: linear(size, size, attention.pp("self.query"))?,
            key: linear(size, size, attention.pp("self.key"))?,
            value: linear(size, size, attention.pp("self.value"))?,
            attended: linear(size, size, attention.pp("output.dense"))?,
            attended_norm: layer_norm(size, eps, attention.pp("output.LayerNorm"))?,
            wide: linear(size, config.intermediate_size, weights.pp("intermediate.dense"))?,
            narrow: linear(config.intermediate_size, size, weights.pp("output.dense"))?,
            norm: layer_norm(size, eps, weights.pp("output.LayerNorm"))?,
        })
    }

    /// States are tokens × size.
    fn forward(&self, states: &Tensor) -> Result<Tensor> {
        let query = self.split(&self.query.forward(states)?)?;
        let key = self.split(&self.key.forward(states)?)?;
        let value = self.split(&self.value.forward(states)?)?;
        let scale = (query.dim(D::Minus1)? as f64).sqrt();
        let attention = softmax_last_dim(&(query.matmul(&key.t()?)? / scale)?)?;
        let context = attention.matmul(&value)?.transpose(0, 1)?.flatten_from(1)?;
        let attended = self.attended_norm.forward(&(self.attended.forward(&context)? + states)?)?;
        let wide = self.wide.forward(&attended)?.gelu_erf()?;
        self.norm.forward(&(self.narrow.forward(&wide)? + &attended)?)
    }

    /// Tokens × size into heads × tokens × part.
    fn split(&self, states: &Tensor) -> Result<Tensor> {
        let (tokens, size) = states.dims2()?;
        states.reshape((tokens, self.heads, size / self.heads))?.transpose(0, 1)?.contiguous()
    }
}
