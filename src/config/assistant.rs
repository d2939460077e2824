//! `[assistant]`: who answers first, and the model that does.

use std::{path::PathBuf, time::Duration};

use serde::Deserialize;

use super::{
    Error, Secret,
    value::{duration, number},
};

/// `[assistant]`.
#[derive(Clone, Debug, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Assistant {
    /// Any OpenAI-compatible endpoint, such as `http://127.0.0.1:8080/v1`; without one the built-in default answers.
    pub base_url: Option<String>,
    /// The endpoint's key, if it wants one.
    pub api_key: Option<Secret>,
    /// The model's name at the endpoint.
    pub model: Option<String>,
    /// How long after a customer's last line an answer is due.
    #[serde(deserialize_with = "duration")]
    pub quiet_window: Duration,
    /// How long an answer may take in all.
    #[serde(deserialize_with = "duration")]
    pub timeout: Duration,
    /// How many tickets are answered at once.
    #[serde(deserialize_with = "number")]
    pub concurrency: usize,
    /// How much of the model's context the prompt may fill, in tokens (estimated).
    #[serde(deserialize_with = "number")]
    pub context_tokens: usize,
    /// A folder with prompt templates that replace the built-in ones.
    pub prompts: Option<PathBuf>,
}

impl Default for Assistant {
    fn default() -> Self {
        Self {
            base_url: None,
            api_key: None,
            model: None,
            quiet_window: Duration::from_secs(3),
            timeout: Duration::from_secs(60),
            concurrency: 8,
            context_tokens: 3000,
            prompts: None,
        }
    }
}

/// A model's endpoint.
#[derive(Clone, Debug)]
pub struct Endpoint {
    /// Up to and with the version, such as `…/v1`.
    pub base_url: String,
    /// Its key, if it wants one.
    pub api_key: Option<Secret>,
    /// The model's name.
    pub model: String,
}

impl Assistant {
    pub(super) fn check(&self) -> Result<(), Error> {
        if self.concurrency == 0 {
            return Err(Error::key("assistant.concurrency", "must be at least 1"));
        }
        if self.context_tokens < 500 {
            return Err(Error::key("assistant.context_tokens", "must be at least 500"));
        }
        if self.timeout.is_zero() {
            return Err(Error::key("assistant.timeout", "must be longer than nothing"));
        }
        self.endpoint().map(drop)
    }

    /// The model's endpoint, if one is configured.
    ///
    /// # Errors
    /// [`Error`] when its address is no URL, or the model's name is missing.
    pub(super) fn endpoint(&self) -> Result<Option<Endpoint>, Error> {
        let Some(base_url) = self.base_url.as_deref().map(str::trim).filter(|url| !url.is_empty()) else {
            return Ok(None);
        };
        if !base_url.starts_with("http://") && !base_url.starts_with("https://") {
            return Err(Error::key("assistant.base_url", "must start with http:// or https://"));
        }
        let model = self.model.clone().ok_or_else(|| Error::missing("assistant.model"))?;
        Ok(Some(Endpoint { base_url: base_url.trim_end_matches('/').to_owned(), api_key: self.api_key.clone(), model }))
    }
}
