//! One request to an OpenAI-compatible endpoint: messages in, draft out.

use std::{
    fmt,
    sync::atomic::{AtomicBool, AtomicU64, Ordering},
    time::Duration,
};

use async_openai::{
    Client,
    config::OpenAIConfig,
    error::OpenAIError,
    middleware::{ReqwestService, retry::SimpleRetryPolicy},
};
use http_body_util::Limited;
use reqwest::{Response, StatusCode, header::HeaderValue, redirect::Policy};
use serde_json::Value;
use tower::ServiceBuilder;

use super::{
    draft::Draft,
    prompt::ChatMessage,
    wire::{self, Request},
};

/// How long a connection to the endpoint may take to come about.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);

/// The largest body of an answer, in bytes.
const MAX_ANSWER_BYTES: usize = 1024 * 1024;

/// How long [`Llm::probe`] waits for an answer.
const PROBE_TIMEOUT: Duration = Duration::from_secs(5);

/// Where the model is and how to ask it.
#[derive(Clone, Default)]
pub struct Settings {
    /// The API's base, such as `http://127.0.0.1:8080/v1`.
    pub base_url: String,
    /// Sent as a bearer token; many local servers want none.
    pub api_key: Option<String>,
    /// The model's name, as the endpoint knows it.
    pub model: String,
    /// Left to the endpoint when absent: some models refuse any value.
    pub temperature: Option<f32>,
    /// The most tokens of an answer; left to the endpoint when absent.
    pub max_tokens: Option<u32>,
}

/// Why there is no draft. Its text holds no word of a customer or a model, and no key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum LlmError {
    /// The settings cannot work; found before anything is sent.
    #[error("the model's settings are not valid: {0}")]
    Settings(&'static str),
    /// No connection, or it broke.
    #[error("the model endpoint cannot be reached")]
    Unreachable,
    /// No answer in time.
    #[error("the model did not answer in time")]
    Timeout,
    /// Too many requests (HTTP 429), also after the retries.
    #[error("the model endpoint is limiting our requests")]
    RateLimited,
    /// The endpoint refused the request with this HTTP status.
    #[error("the model endpoint answered with HTTP status {status}")]
    Rejected {
        /// The status code.
        status: u16,
    },
    /// An answer that is not one, with what is wrong.
    #[error("the model's answer cannot be used: {0}")]
    Malformed(&'static str),
}

impl LlmError {
    /// In two words, retry (`true`) or fail: whether the same request may succeed a little later.
    #[must_use]
    pub fn may_retry(self) -> bool {
        match self {
            Self::Unreachable | Self::Timeout | Self::RateLimited | Self::Malformed(_) => true,
            Self::Rejected { status } => status >= 500,
            Self::Settings(_) => false,
        }
    }

    fn from_status(status: StatusCode) -> Self {
        match status {
            StatusCode::TOO_MANY_REQUESTS => Self::RateLimited,
            StatusCode::REQUEST_TIMEOUT | StatusCode::GATEWAY_TIMEOUT => Self::Timeout,
            status => Self::Rejected { status: status.as_u16() },
        }
    }
}

impl From<reqwest::Error> for LlmError {
    fn from(error: reqwest::Error) -> Self {
        if error.is_timeout() {
            // Before the connection stands, it is the endpoint that is missing, not the model that is slow.
            return if error.is_connect() { Self::Unreachable } else { Self::Timeout };
        }
        Self::Unreachable
    }
}

impl From<OpenAIError> for LlmError {
    fn from(error: OpenAIError) -> Self {
        match error {
            OpenAIError::Reqwest(error) => error.into(),
            OpenAIError::ApiError(error) => Self::from_status(error.status_code),
            OpenAIError::JSONDeserialize(..) => Self::Malformed("not JSON"),
            OpenAIError::Boxed(error) => error.downcast_ref().copied().unwrap_or(Self::Unreachable),
            _ => Self::Malformed("not understood by the client"),
        }
    }
}

/// What one request cost, as far as the endpoint says so.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Usage {
    /// Tokens of the messages.
    pub prompt_tokens: Option<u64>,
    /// Tokens of the answer.
    pub completion_tokens: Option<u64>,
}

/// A model behind an OpenAI-compatible endpoint.
pub struct Llm {
    client: Client<OpenAIConfig>,
    http: reqwest::Client,
    settings: Settings,
    /// The endpoint has rejected `response_format` before, so it is not sent any more.
    plain_text_only: AtomicBool,
    /// Tokens of all prompts, and of all answers.
    spent: [AtomicU64; 2],
}

impl Llm {
    /// Prepares a client; nothing is sent yet.
    ///
    /// Surrounding white space is taken off the key and the address. A rustls crypto provider must be installed
    /// before (`main` does).
    ///
    /// # Errors
    ///
    /// [`LlmError::Settings`] when the address is not `http(s)://…`, the model has no name, or the key holds characters
    /// that cannot stand in a header (the client library would panic on them with every request).
    pub fn new(settings: Settings) -> Result<Self, LlmError> {
        let base_url = settings.base_url.trim().trim_end_matches('/').to_owned();
        let address = reqwest::Url::parse(&base_url).map_err(|_| LlmError::Settings("base_url is not an address"))?;
        if !matches!(address.scheme(), "http" | "https") {
            return Err(LlmError::Settings("base_url must begin with http:// or https://"));
        }
        if settings.model.trim().is_empty() {
            return Err(LlmError::Settings("model is empty"));
        }
        let api_key = settings.api_key.as_deref().map(str::trim).filter(|key| !key.is_empty()).map(str::to_owned);
        let sendable = |key: &str| key.is_ascii() && HeaderValue::from_str(&format!("Bearer {key}")).is_ok();
        if !api_key.as_deref().is_none_or(sendable) {
            return Err(LlmError::Settings("api_key holds characters that cannot be sent"));
        }
        let settings = Settings { base_url, api_key, model: settings.model.trim().to_owned(), ..settings };

        let http = reqwest::Client::builder()
            .connect_timeout(CONNECT_TIMEOUT)
            // A redirected POST becomes a GET; the address is wrong and must be said to be.
            .redirect(Policy::none())
            .user_agent(concat!("deskbridge/", env!("CARGO_PKG_VERSION")))
            .build()
            .map_err(|_| LlmError::Settings("no HTTP client can be made (TLS)"))?;
        // Set even when empty: the library would else take a key and an organisation from OPENAI_* variables.
        let config = OpenAIConfig::new()
            .with_api_base(&settings.base_url)
            .with_api_key(settings.api_key.as_deref().unwrap_or_default())
            .with_org_id("")
            .with_project_id("");
        // The library's own way loses the status of errors whose body is not OpenAI's, and logs that body. Outermost,
        // so that it sees what is left after the retries.
        let service = ServiceBuilder::new()
            .map_result(status_first)
            .map_response(bounded)
            .retry(SimpleRetryPolicy::default())
            .service(ReqwestService::new(http.clone()));
        let client = Client::build(http.clone(), config).with_http_service(service);
        Ok(Self {
            client,
            http,
            settings,
            plain_text_only: AtomicBool::new(false),
            spent: [const { AtomicU64::new(0) }; 2],
        })
    }

    /// What all requests so far have cost together, those with an unusable answer too, as far as the endpoint said so.
    #[must_use]
    pub fn spent(&self) -> Usage {
        let [prompt, completion] = [0, 1].map(|at: usize| self.spent[at].load(Ordering::Relaxed));
        Usage { prompt_tokens: Some(prompt), completion_tokens: Some(completion) }
    }

    /// The model's name.
    #[must_use]
    pub fn model(&self) -> &str {
        &self.settings.model
    }

    /// Asks for one draft; `triage` asks for a subject and a priority too.
    ///
    /// Up to three retries on 429, 5xx and failed connections happen inside, and a `Retry-After` is obeyed, so bound
    /// this by a timeout of your own. An endpoint that rejects the structured form (400, 404 or 422) is asked once more
    /// without it, and if that works, from then on.
    ///
    /// Cancellation: drop the future. That closes the HTTP request's connection, and a server that watches its
    /// connections stops generating. Nothing runs on.
    ///
    /// # Errors
    ///
    /// See [`LlmError`]; [`LlmError::may_retry`] says whether a later attempt makes sense.
    pub async fn draft(&self, messages: &[ChatMessage], triage: bool) -> Result<(Draft, Usage), LlmError> {
        if self.plain_text_only.load(Ordering::Relaxed) {
            return wire::read(&self.ask(messages, triage, false).await?, triage);
        }
        match self.ask(messages, triage, true).await {
            Err(LlmError::Rejected { status: 400 | 404 | 422 }) => {
                let body = self.ask(messages, triage, false).await?;
                self.plain_text_only.store(true, Ordering::Relaxed);
                wire::read(&body, triage)
            }
            answered => wire::read(&answered?, triage),
        }
    }

    async fn ask(&self, messages: &[ChatMessage], triage: bool, structured: bool) -> Result<Value, LlmError> {
        let request = Request {
            model: &self.settings.model,
            messages,
            stream: false,
            temperature: self.settings.temperature,
            max_tokens: self.settings.max_tokens,
            response_format: structured.then(|| wire::response_format(triage)),
        };
        let body = self.client.chat().create_byot(&request).await?;
        let Usage { prompt_tokens, completion_tokens } = wire::usage(&body);
        for (sum, tokens) in self.spent.iter().zip([prompt_tokens, completion_tokens]) {
            sum.fetch_add(tokens.unwrap_or(0), Ordering::Relaxed);
        }
        Ok(body)
    }

    /// Asks the endpoint for its list of models, to see that it is there and takes the key. For `doctor` and health.
    ///
    /// # Errors
    ///
    /// `Rejected { status: 404 }` from an endpoint without that list, which may work all the same; else as for
    /// [`Llm::draft`]. Nothing is retried.
    pub async fn probe(&self) -> Result<(), LlmError> {
        let mut request = self.http.get(format!("{}/models", self.settings.base_url)).timeout(PROBE_TIMEOUT);
        if let Some(key) = &self.settings.api_key {
            request = request.bearer_auth(key);
        }
        let status = request.send().await?.status();
        if status.is_success() { Ok(()) } else { Err(LlmError::from_status(status)) }
    }
}

impl fmt::Debug for Llm {
    /// Without the key.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Llm").field("settings", &self.settings).finish_non_exhaustive()
    }
}

impl fmt::Debug for Settings {
    /// Without the key.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Settings").field("base_url", &self.base_url).field("model", &self.model).finish_non_exhaustive()
    }
}

/// Cuts off an answer that is larger than any honest one: it would be held in memory several times over.
fn bounded(response: Response) -> Response {
    let response: http::Response<reqwest::Body> = response.into();
    response.map(|body| reqwest::Body::wrap(Limited::new(body, MAX_ANSWER_BYTES))).into()
}

/// Turns an answer with an error status into our error, before the library reads its body.
fn status_first(result: Result<Response, OpenAIError>) -> Result<Response, OpenAIError> {
    let response = result?;
    if response.status().is_success() {
        return Ok(response);
    }
    Err(OpenAIError::Boxed(Box::new(LlmError::from_status(response.status()))))
}

#[cfg(test)]
mod tests;
