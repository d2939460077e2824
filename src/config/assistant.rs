//! `[assistant]`: which language models answer, how, and within which bounds.

use std::{collections::BTreeSet, path::PathBuf, time::Duration};

use serde::Deserialize;

use super::{
    Error, Secret,
    value::{decimal, duration, number, optional_duration, optional_number},
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
    /// More endpoints, each for when those before it fail.
    pub endpoints: Vec<EndpointTable>,
    /// How long after a customer's last line an answer is due.
    #[serde(deserialize_with = "duration")]
    pub quiet_window: Duration,
    /// How long an answer may take in all.
    #[serde(deserialize_with = "duration")]
    pub timeout: Duration,
    /// How often the model may be asked for one answer, each time with more of the knowledge.
    #[serde(deserialize_with = "number")]
    pub max_steps: usize,
    /// Tokens that one answer may cost in all; 0 is no limit.
    #[serde(deserialize_with = "number")]
    pub max_tokens_per_run: usize,
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
            endpoints: Vec::new(),
            quiet_window: Duration::from_secs(3),
            timeout: Duration::from_secs(60),
            max_steps: 3,
            max_tokens_per_run: 30_000,
            concurrency: 8,
            context_tokens: 3000,
            prompts: None,
        }
    }
}

/// `[[assistant.endpoints]]`.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EndpointTable {
    /// What logs and the usage call it.
    pub name: String,
    /// As `assistant.base_url`.
    pub base_url: String,
    /// As `assistant.api_key`.
    #[serde(default)]
    pub api_key: Option<Secret>,
    /// As `assistant.model`.
    pub model: String,
    /// How free the model's choice of words is.
    #[serde(default, deserialize_with = "decimal")]
    pub temperature: Option<f32>,
    /// The most tokens of an answer.
    #[serde(default, deserialize_with = "optional_number")]
    pub max_tokens: Option<usize>,
    /// What of `assistant.timeout` one call may take before the next endpoint is asked.
    #[serde(default, deserialize_with = "optional_duration")]
    pub timeout: Option<Duration>,
}

/// A model's endpoint, checked.
#[derive(Clone, Debug)]
pub struct Endpoint {
    /// What logs and the usage call it.
    pub name: String,
    /// Up to and with the version, such as `…/v1`.
    pub base_url: String,
    /// Its key, if it wants one.
    pub api_key: Option<Secret>,
    /// The model's name.
    pub model: String,
    /// How free the model's choice of words is.
    pub temperature: f32,
    /// The most tokens of an answer.
    pub max_tokens: u32,
    /// What of the whole time one call may take.
    pub timeout: Option<Duration>,
}

/// The name of the endpoint that stands in `[assistant]` itself.
const MAIN: &str = "main";
/// The longest name of an endpoint, in bytes.
const LONGEST_NAME: usize = 40;
const TEMPERATURE: f32 = 0.2;
const MAX_TOKENS: u32 = 700;

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
        if self.max_steps == 0 {
            return Err(Error::key("assistant.max_steps", "must be at least 1"));
        }
        // Else no answer could be made at all.
        if (1..self.context_tokens).contains(&self.max_tokens_per_run) {
            let problem = "must be 0 or at least assistant.context_tokens";
            return Err(Error::key("assistant.max_tokens_per_run", problem));
        }
        self.endpoints().map(drop)
    }

    /// All endpoints, in the order in which they are asked.
    pub(super) fn endpoints(&self) -> Result<Vec<Endpoint>, Error> {
        let mut endpoints = Vec::new();
        if let Some(base_url) = self.base_url.as_deref().filter(|url| !url.trim().is_empty()) {
            endpoints.push(Endpoint {
                name: MAIN.to_owned(),
                base_url: address("assistant", base_url)?,
                api_key: self.api_key.clone(),
                model: self.model.clone().ok_or_else(|| Error::missing("assistant.model"))?,
                temperature: TEMPERATURE,
                max_tokens: MAX_TOKENS,
                timeout: None,
            });
        }
        let mut names: BTreeSet<&str> = endpoints.iter().map(|_| MAIN).collect();
        for (index, table) in self.endpoints.iter().enumerate() {
            let key = format!("assistant.endpoints[{index}]");
            let name = table.name.trim();
            if name.is_empty() || name.len() > LONGEST_NAME || name.contains(char::is_control) {
                return Err(Error::key(format!("{key}.name"), format!("must have 1 to {LONGEST_NAME} bytes")));
            }
            if !names.insert(name) {
                return Err(Error::key(format!("{key}.name"), format!("two endpoints are called '{name}'")));
            }
            if table.temperature.is_some_and(|value| !(0.0..=2.0).contains(&value)) {
                return Err(Error::key(format!("{key}.temperature"), "must be between 0 and 2"));
            }
            if table.max_tokens == Some(0) {
                return Err(Error::key(format!("{key}.max_tokens"), "must be at least 1"));
            }
            if table.timeout.is_some_and(|timeout| timeout.is_zero()) {
                return Err(Error::key(format!("{key}.timeout"), "must be longer than nothing"));
            }
            endpoints.push(Endpoint {
                name: name.to_owned(),
                base_url: address(&key, &table.base_url)?,
                api_key: table.api_key.clone(),
                model: table.model.clone(),
                temperature: table.temperature.unwrap_or(TEMPERATURE),
                max_tokens: table.max_tokens.map_or(MAX_TOKENS, |most| u32::try_from(most).unwrap_or(u32::MAX)),
                timeout: table.timeout,
            });
        }
        Ok(endpoints)
    }
}

fn address(key: &str, base_url: &str) -> Result<String, Error> {
    let base_url = base_url.trim();
    if !base_url.starts_with("http://") && !base_url.starts_with("https://") {
        return Err(Error::key(format!("{key}.base_url"), "must start with http:// or https://"));
    }
    Ok(base_url.trim_end_matches('/').to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::tests::{complaint, parse};

    const SPARE: &str = "[[assistant.endpoints]]\nname = \"spare\"\nbase_url = \"http://b/v1/\"\nmodel = \"m\"\n";

    #[test]
    fn endpoints_are_asked_in_order_and_the_plain_one_is_the_first() {
        let file = format!("[assistant]\nbase_url = \"http://a/v1\"\nmodel = \"big\"\n{SPARE}timeout = \"5s\"");
        let vars = [
            ("DESKBRIDGE_ASSISTANT__ENDPOINTS__0__API_KEY", "hush\n"),
            ("DESKBRIDGE_ASSISTANT__ENDPOINTS__0__TEMPERATURE", "0.7"),
        ];
        let config = parse(&file, &vars).unwrap();
        let endpoints = config.endpoints().unwrap();
        let names: Vec<_> = endpoints.iter().map(|endpoint| (endpoint.name.as_str(), &*endpoint.base_url)).collect();
        assert_eq!(names, [("main", "http://a/v1"), ("spare", "http://b/v1")]);
        let spare = &endpoints[1];
        assert_eq!(spare.api_key.as_ref().unwrap().expose(), "hush");
        assert_eq!((spare.temperature, spare.max_tokens), (0.7, 700));
        assert_eq!((endpoints[0].timeout, spare.timeout), (None, Some(Duration::from_secs(5))));
        assert!(!format!("{config:?}").contains("hush"));
        assert_eq!(parse(SPARE, &[]).unwrap().endpoints().unwrap().len(), 1);
        assert!(parse("", &[]).unwrap().endpoints().unwrap().is_empty());
    }

    #[test]
    fn complaints_name_the_endpoint() {
        let file = |more: &str| format!("{SPARE}{more}");
        for (text, key) in [
            (file(SPARE), "assistant.endpoints[1].name"),
            (SPARE.replace("spare", " "), "assistant.endpoints[0].name"),
            (SPARE.replace("http://b", "b"), "assistant.endpoints[0].base_url"),
            (file("temperature = 3"), "assistant.endpoints[0].temperature"),
            (file("temperature = \"warm\""), "assistant.endpoints[0].temperature"),
            (file("max_tokens = 0"), "assistant.endpoints[0].max_tokens"),
            (file("timeout = \"0s\""), "assistant.endpoints[0].timeout"),
            (file("colour = 1"), "colour"),
            ("[assistant]\nmax_steps = 0".to_owned(), "assistant.max_steps"),
            ("[assistant]\nmax_tokens_per_run = 100".to_owned(), "assistant.max_tokens_per_run"),
        ] {
            let message = complaint(&text, &[]);
            assert!(message.contains(key), "{message}");
        }
    }
}
