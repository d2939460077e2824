//! The multilingual Universal Sentence Encoder: sixteen languages in one space, quick and coarse.
//!
//! Each token is what it is (a row of a table) and what its neighbours make of it (convolutions over two, three and five
//! tokens); their sum goes through four small layers. As `scripts/universal_encoder.py` lays it out.

use candle_core::{D, DType, Device, Result, Tensor};
use candle_nn::VarBuilder;
use serde::Deserialize;

/// In how many parts the table of tokens comes, each rounded by itself: a token's part is its number modulo this.
const PARTS: usize = 17;

/// How many tokens a convolution sees, and how many of them stand before its own.
const WINDOWS: [(usize, usize); 3] = [(2, 0), (3, 1), (5, 2)];

/// The numbers of a token's row.
const ROW: usize = 512;

/// The numbers that a convolution makes.
const FEATURES: usize = 256;

/// The rows of a part of the table.
const ROWS: usize = 7530;

/// What `config.json` says.
#[derive(Debug, Deserialize)]
pub(super) struct Config {
    eps: f64,
}

/// The encoder with its weights, on the CPU.
pub(super) struct Universal {
    /// Bytes: as numbers they would take four times as much memory.
    table: Vec<Tensor>,
    scale: Tensor,
    lowest: Tensor,
    /// What the convolutions start from, side by side.
    narrow: Linear,
    narrow_norm: Norm,
    windows: Vec<Window>,
    norm: Norm,
    sum: Linear,
    /// The layers behind the sum.
    deep: [Tensor; 4],
    /// Ways past the first and the third of them.
    past: [Tensor; 2],
}

struct Window {
    width: usize,
    before: usize,
    layers: [Linear; 2],
}

struct Linear {
    weight: Tensor,
    bias: Tensor,
}

struct Norm {
    gain: Tensor,
    bias: Tensor,
    eps: f64,
}

impl Universal {
    /// Takes the weights out of a safetensors file's bytes.
    ///
    /// # Errors
    /// When one is missing or of another shape.
    pub(super) fn new(config: &Config, safetensors: Vec<u8>) -> Result<Self> {
        let weights = VarBuilder::from_buffered_safetensors(safetensors, DType::F32, &Device::Cpu)?;
        let beside = |name: &str| {
            let of = |(width, _)| weights.get(FEATURES, &format!("{name}{width}"));
            Tensor::cat(&WINDOWS.into_iter().map(of).collect::<Result<Vec<_>>>()?, 0)
        };
        let narrow = WINDOWS.into_iter().map(|(width, _)| weights.get((ROW, FEATURES), &format!("proj{width}")));
        let narrow = Tensor::cat(&narrow.collect::<Result<Vec<_>>>()?, 1)?;
        let linear = |weight: &str, from: usize, bias: &str, to: usize| {
            Result::Ok(Linear { weight: weights.get((from, to), weight)?, bias: weights.get(to, bias)? })
        };
        let window = |(width, before): (usize, usize)| {
            let layer = |number: u8| {
                linear(&format!("w{number}_{width}"), width * FEATURES, &format!("b{number}_{width}"), FEATURES)
            };
            Result::Ok(Window { width, before, layers: [layer(1)?, layer(2)?] })
        };
        let all = ROW + WINDOWS.len() * FEATURES;
        let part =
            |number| weights.get_with_hints_dtype((ROWS, ROW), &format!("q{number}"), Default::default(), DType::U8);
        Ok(Self {
            table: (1..=PARTS).map(part).collect::<Result<_>>()?,
            scale: weights.get(PARTS, "scale")?,
            lowest: weights.get(PARTS, "lo")?,
            narrow: Linear { weight: narrow, bias: beside("proj_b")? },
            narrow_norm: Norm { gain: beside("ln_g")?, bias: beside("ln_b")?, eps: config.eps },
            windows: WINDOWS.into_iter().map(window).collect::<Result<_>>()?,
            norm: Norm { gain: weights.get(all, "ln_g")?, bias: weights.get(all, "ln_b")?, eps: config.eps },
            sum: linear("cnn_W", all, "cnn_b", ROW)?,
            deep: [
                weights.get((ROW, 320), "d0")?,
                weights.get((320, 320), "d1")?,
                weights.get((320, ROW), "d2")?,
                weights.get((ROW, ROW), "d3")?,
            ],
            past: [weights.get((ROW, 320), "p1")?, weights.get((320, ROW), "p3")?],
        })
    }

    /// The text's vector, not normalised.
    ///
    /// # Errors
    /// When there is no token, or one that the table does not have.
    pub(super) fn encode(&self, tokens: &[u32]) -> Result<Vec<f32>> {
        let rows = tokens.iter().map(|token| self.row(*token)).collect::<Result<Vec<_>>>()?;
        let rows = Tensor::cat(&rows, 0)?;
        let narrow = self.narrow_norm.forward(&self.narrow.forward(&rows)?)?;
        let mut seen = vec![rows];
        for (place, window) in self.windows.iter().enumerate() {
            seen.push(window.forward(narrow.narrow(1, place * FEATURES, FEATURES)?)?);
        }
        let seen = self.norm.forward(&Tensor::cat(&seen, 1)?)?;
        let sum = self.sum.forward(&seen)?.sum_keepdim(0)?;
        let sum = (sum / (tokens.len() as f64).sqrt())?;
        let [first, second, third, fourth] = &self.deep;
        let [past_first, past_third] = &self.past;
        let half = sum.matmul(first)?.relu()?.matmul(second)?;
        let half = (half + sum.matmul(past_first)?)?.relu()?;
        let whole = half.matmul(third)?.relu()?.matmul(fourth)?;
        (whole + half.matmul(past_third)?)?.tanh()?.squeeze(0)?.to_vec1()
    }

    /// A token's row, 1 × [`ROW`].
    fn row(&self, token: u32) -> Result<Tensor> {
        let token = token as usize;
        let (part, place) = (token % PARTS, token / PARTS);
        let Some(table) = self.table.get(part) else { candle_core::bail!("the table has no part {part}") };
        let row = table.narrow(0, place, 1)?.to_dtype(DType::F32)?;
        let (scale, lowest) = (self.scale.narrow(0, part, 1)?, self.lowest.narrow(0, part, 1)?);
        row.broadcast_mul(&scale)?.broadcast_add(&lowest)
    }
}

impl Window {
    fn forward(&self, mut states: Tensor) -> Result<Tensor> {
        for layer in &self.layers {
            states = (layer.forward(&self.beside(&states)?)?.relu()? + states)?;
        }
        Ok(states)
    }

    /// Beside each token's state those of the others in its window; zeros beyond the text's ends.
    fn beside(&self, states: &Tensor) -> Result<Tensor> {
        let tokens = states.dim(0)?;
        let padded = states.pad_with_zeros(0, self.before, self.width - 1 - self.before)?;
        let shifted = (0..self.width).map(|by| padded.narrow(0, by, tokens)).collect::<Result<Vec<_>>>()?;
        Tensor::cat(&shifted, 1)
    }
}

impl Linear {
    fn forward(&self, states: &Tensor) -> Result<Tensor> {
        states.matmul(&self.weight)?.broadcast_add(&self.bias)
    }
}

impl Norm {
    /// By the square root of the variance plus `eps`.
    fn forward(&self, states: &Tensor) -> Result<Tensor> {
        let centred = states.broadcast_sub(&states.mean_keepdim(D::Minus1)?)?;
        let spread = (centred.sqr()?.mean_keepdim(D::Minus1)? + self.eps)?.sqrt()?;
        centred.broadcast_div(&spread)?.broadcast_mul(&self.gain)?.broadcast_add(&self.bias)
    }
}
