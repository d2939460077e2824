//! One endpoint: one request to it, in the richest way it understands.

mod capability;
mod error;
mod retry;
mod streamed;
#[cfg(test)]
mod tests;

use std::{fmt, pin::pin, time::Duration};

use async_openai::{Client, config::OpenAIConfig, error::OpenAIError, middleware::ReqwestService};
use futures::{FutureExt, future::BoxFuture};
use http_body_util::{BodyExt, Limited};
use reqwest::{Response, header::HeaderValue, redirect::Policy};
use serde_json::Value;
use tokio::sync;
use tower::ServiceBuilder;

use super::{
    prompt::ChatMessage,
    wire::{self, Form, Request, StreamOptions},
};
pub use capability::Structure;
use capability::{Capability, Disliked, Manner};
pub use error::LlmError;
use retry::Patience;
pub use streamed::Watch;
use streamed::gathered;

/// How long a connection to the endpoint may take to come about.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);

/// The largest body of an answer, in bytes.
const MAX_ANSWER_BYTES: usize = 1024 * 1024;

/// The largest stream of an answer, in bytes: each word comes in a wrapping of some hundred.
const MAX_STREAM_BYTES: usize = 16 * 1024 * 1024;

/// How much of the body of an error is looked at, in bytes.
const MAX_ERROR_BYTES: usize = 16 * 1024;

/// How long [`Llm::probe`] waits for an answer.
const PROBE_TIMEOUT: Duration = Duration::from_secs(5);

/// Where the model is and how to ask it.
#[derive(Clone, Default)]
pub struct Settings {
    /// What logs and the usage call the endpoint.
    pub name: String,
    /// The API's base, such as `http://127.0.0.1:8080/v1`.
    pub base_url: String,
    /// Sent as a bearer token; many local servers want none.
    pub api_key: Option<String>,
    /// The model's name, as the endpoint knows it.
    pub model: String,
    /// Left to the endpoint when absent, or when it refuses one.
    pub temperature: Option<f32>,
    /// The most tokens of an answer; left to the endpoint when absent.
    pub max_tokens: Option<u32>,
    /// What of an answer's whole time one call may take; without it, a fair share.
    pub timeout: Option<Duration>,
}

/// A model behind an OpenAI-compatible endpoint.
pub struct Llm {
    client: Client<OpenAIConfig>,
    config: OpenAIConfig,
    http: reqwest::Client,
    settings: Settings,
    capability: Capability,
}

/// An error status, and what the body says of its cause.
#[derive(Debug, Clone, Copy, thiserror::Error)]
#[error("{error}")]
struct Refusal {
    error: LlmError,
    disliked: Option<Disliked>,
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
            .and_then(status_first)
            .map_response(|response| bounded(response, MAX_ANSWER_BYTES))
            .retry(Patience::default())
            .service(ReqwestService::new(http.clone()));
        let client = Client::build(http.clone(), config.clone()).with_http_service(service);
        Ok(Self { client, config, http, settings, capability: Capability::default() })
    }

    /// What the endpoint is called.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.settings.name
    }

    /// The model's name.
    #[must_use]
    pub fn model(&self) -> &str {
        &self.settings.model
    }

    /// What of an answer's whole time one call may take, if that is set.
    #[must_use]
    pub fn timeout(&self) -> Option<Duration> {
        self.settings.timeout
    }

    /// Asks once for an answer of this form; gives the body as it is.
    ///
    /// Up to three retries on 429, 5xx and failed connections happen inside, and a short `Retry-After` is obeyed, so
    /// bound this by a timeout of your own. What the endpoint does not understand (a form, a temperature, a name of the most
    /// tokens, that an answer comes piece by piece) is left out, and once that has worked it is left out from then on.
    ///
    /// With a `watch` the answer is asked for piece by piece, and the watch hears how it grows. It may begin anew.
    ///
    /// Cancellation: drop the future. That closes the HTTP request's connection, and a server that watches its
    /// connections stops generating. Nothing runs on.
    ///
    /// # Errors
    ///
    /// See [`LlmError`].
    pub async fn complete(
        &self,
        messages: &[ChatMessage],
        form: Form,
        watch: Option<Watch<'_>>,
    ) -> Result<Value, LlmError> {
        let known = self.capability.manner();
        let mut manner = Manner { stream: known.stream && watch.is_some(), ..known };
        let mut is_refused = false;
        loop {
            let asked = match watch.filter(|_| manner.stream) {
                Some(watch) => self.ask_for_pieces(messages, form, manner, watch).await,
                None => {
                    let request = self.request(messages, form, manner);
                    self.client.chat().create_byot(&request).await.map_err(refusal)
                }
            };
            match asked {
                Ok(body) => {
                    if manner.stream {
                        self.capability.streamed(true);
                    }
                    self.capability.remember(Manner { stream: known.stream && !is_refused, ..manner });
                    return Ok(body);
                }
                Err(refusal) => {
                    if refusal.disliked == Some(Disliked::Endless) {
                        self.capability.streamed(false);
                    } else {
                        is_refused |= manner.stream;
                    }
                    let plainer = refusal.disliked.and_then(|disliked| manner.without(disliked));
                    // Without a form nothing is gained by asking for it in another way.
                    let plainer = plainer.filter(|plainer| form != Form::Text || plainer.structure == manner.structure);
                    manner = plainer.ok_or(refusal.error)?;
                }
            }
        }
    }

    async fn ask_for_pieces(
        &self,
        messages: &[ChatMessage],
        form: Form,
        manner: Manner,
        watch: Watch<'_>,
    ) -> Result<Value, Refusal> {
        let request = self.request(messages, form, manner);
        let (sender, mut growing) = sync::watch::channel(String::new());
        let service = ServiceBuilder::new()
            .and_then(move |response| gathered(response, sender.clone()))
            .and_then(status_first)
            .map_response(|response| bounded(response, MAX_STREAM_BYTES))
            .retry(Patience::default())
            .service(ReqwestService::new(self.http.clone()));
        // It has no connections of its own.
        let client = Client::build(self.http.clone(), self.config.clone()).with_http_service(service);
        let chat = client.chat();
        let mut asking = pin!(chat.create_byot(&request));
        loop {
            tokio::select! {
                biased;
                body = &mut asking => return body.map_err(refusal),
                Ok(()) = growing.changed() => watch(&growing.borrow_and_update()),
            }
        }
    }

    fn request<'a>(&'a self, messages: &'a [ChatMessage], form: Form, manner: Manner) -> Request<'a> {
        let max = self.settings.max_tokens;
        Request {
            model: &self.settings.model,
            messages,
            stream: manner.stream,
            stream_options: manner.stream.then_some(StreamOptions { include_usage: true }),
            temperature: self.settings.temperature.filter(|_| manner.temperature),
            max_tokens: max.filter(|_| !manner.completion_tokens),
            max_completion_tokens: max.filter(|_| manner.completion_tokens),
            response_format: wire::response_format(form, manner.structure),
        }
    }

    /// Asks the endpoint for its list of models, to see that it is there and takes the key. For `doctor` and the start.
    ///
    /// # Errors
    ///
    /// `Rejected { status: 404 }` from an endpoint without that list, which may work all the same; else as for
    /// [`Llm::complete`]. Nothing is retried.
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
        f.debug_struct("Settings")
            .field("name", &self.name)
            .field("base_url", &self.base_url)
            .field("model", &self.model)
            .finish_non_exhaustive()
    }
}

/// What the library says went wrong, as we say it.
fn refusal(error: OpenAIError) -> Refusal {
    match error {
        OpenAIError::Boxed(error) => {
            error.downcast_ref().copied().unwrap_or(Refusal { error: LlmError::Unreachable, disliked: None })
        }
        error => Refusal { error: error.into(), disliked: None },
    }
}

/// Cuts off an answer that is larger than any honest one: it would be held in memory several times over.
fn bounded(response: Response, most: usize) -> Response {
    let response: http::Response<reqwest::Body> = response.into();
    response.map(|body| reqwest::Body::wrap(Limited::new(body, most))).into()
}

/// Turns an answer with an error status into our error, before the library reads its body.
fn status_first(response: Response) -> BoxFuture<'static, Result<Response, OpenAIError>> {
    async {
        let status = response.status();
        if status.is_success() {
            return Ok(response);
        }
        let disliked = match status.as_u16() {
            400 | 404 | 422 => Disliked::of(status.as_u16(), &beginning(response).await),
            _ => None,
        };
        Err(OpenAIError::Boxed(Box::new(Refusal { error: LlmError::from_status(status), disliked })))
    }
    .boxed()
}

/// The beginning of a body; what cannot be read says nothing.
async fn beginning(response: Response) -> String {
    let response: http::Response<reqwest::Body> = response.into();
    let body = Limited::new(response.into_body(), MAX_ERROR_BYTES).collect().await;
    body.map(|body| String::from_utf8_lossy(&body.to_bytes()).into_owned()).unwrap_or_default()
}
