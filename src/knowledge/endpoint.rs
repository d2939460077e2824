//! Embeddings from an OpenAI-compatible endpoint (`POST …/embeddings`).

use std::{fmt, time::Duration};

use async_openai::{
    Client,
    config::OpenAIConfig,
    error::OpenAIError,
    middleware::{ReqwestService, retry::SimpleRetryPolicy},
};
use http_body_util::Limited;
use reqwest::{Response, header::HeaderValue, redirect::Policy};
use serde::{Deserialize, Serialize};
use tokio::time;
use tower::ServiceBuilder;

/// How long a connection to the endpoint may take to come about.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(3);

/// The largest body of an answer, in bytes: a batch of long vectors takes a tenth.
const MAX_ANSWER_BYTES: usize = 8 * 1024 * 1024;

/// Where the model is.
#[derive(Clone)]
pub struct EndpointSettings {
    /// The API's base, such as `http://127.0.0.1:8080/v1`.
    pub base_url: String,
    /// Sent as a bearer token; many local servers want none.
    pub api_key: Option<String>,
    /// The model's name, as the endpoint knows it.
    pub model: String,
}

/// Settings that no request could be made with.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct SettingsError(&'static str);

/// A client of one endpoint.
pub struct Endpoint {
    client: Client<OpenAIConfig>,
    model: String,
    id: String,
}

/// The library's own type has fields that some servers reject.
#[derive(Serialize)]
struct Request<'a> {
    model: &'a str,
    input: &'a [String],
}

/// As little as is needed: servers differ in the rest.
#[derive(Deserialize)]
struct Answer {
    data: Vec<Item>,
}

#[derive(Deserialize)]
struct Item {
    embedding: Vec<f32>,
    index: Option<usize>,
}

impl Endpoint {
    /// Prepares a client; nothing is sent yet. A rustls crypto provider must be installed before (`main` does).
    ///
    /// # Errors
    /// When the address is not `http(s)://…`, the model has no name, or the key cannot stand in a header.
    pub fn new(settings: &EndpointSettings) -> Result<Self, SettingsError> {
        let base_url = settings.base_url.trim().trim_end_matches('/');
        let model = settings.model.trim();
        let key = settings.api_key.as_deref().unwrap_or_default().trim();
        let address = reqwest::Url::parse(base_url).map_err(|_| SettingsError("base_url is not an address"))?;
        if !matches!(address.scheme(), "http" | "https") {
            return Err(SettingsError("base_url must begin with http:// or https://"));
        }
        if model.is_empty() {
            return Err(SettingsError("endpoint_model is empty"));
        }
        // The client library would panic on such a key with every request.
        if !key.is_ascii() || HeaderValue::from_str(&format!("Bearer {key}")).is_err() {
            return Err(SettingsError("api_key holds characters that cannot be sent"));
        }
        let http = reqwest::Client::builder()
            .connect_timeout(CONNECT_TIMEOUT)
            // A redirected POST becomes a GET; the address is wrong and must be said to be.
            .redirect(Policy::none())
            .user_agent(concat!("deskbridge/", env!("CARGO_PKG_VERSION")))
            .build()
            .map_err(|_| SettingsError("no HTTP client can be made (TLS)"))?;
        // Set even when empty: the library would else take a key and an organisation from OPENAI_* variables.
        let config = OpenAIConfig::new().with_api_base(base_url).with_api_key(key).with_org_id("").with_project_id("");
        let service = ServiceBuilder::new()
            .map_response(bounded)
            .retry(SimpleRetryPolicy::default())
            .service(ReqwestService::new(http.clone()));
        Ok(Self {
            client: Client::build(http, config).with_http_service(service),
            model: model.to_owned(),
            id: format!("endpoint {base_url} {model}"),
        })
    }

    /// Another for another model or address.
    pub(super) fn id(&self) -> &str {
        &self.id
    }

    /// The vectors of all texts, in their order, not normalised.
    pub(super) async fn embed(&self, texts: &[String], timeout: Duration) -> Result<Vec<Vec<f32>>, String> {
        let request = Request { model: &self.model, input: texts };
        // The library retries and obeys `Retry-After` without a limit.
        let embeddings = self.client.embeddings();
        let answer: Result<Result<Answer, OpenAIError>, _> =
            time::timeout(timeout, embeddings.create_byot(&request)).await;
        let answer = match answer {
            Err(_) => return Err(format!("no answer within {} s", timeout.as_secs_f64())),
            Ok(Err(error)) => return Err(said(&error)),
            Ok(Ok(answer)) => answer,
        };
        let mut vectors = vec![Vec::new(); texts.len()];
        if answer.data.len() != texts.len() {
            return Err(format!("{} vectors for {} texts", answer.data.len(), texts.len()));
        }
        for (place, item) in answer.data.into_iter().enumerate() {
            let slot = vectors.get_mut(item.index.unwrap_or(place)).ok_or("an index out of range")?;
            *slot = item.embedding;
        }
        Ok(vectors)
    }
}

fn bounded(response: Response) -> Response {
    let response: http::Response<reqwest::Body> = response.into();
    response.map(|body| reqwest::Body::wrap(Limited::new(body, MAX_ANSWER_BYTES))).into()
}

/// Without the endpoint's own words: they may quote the customer's.
fn said(error: &OpenAIError) -> String {
    match error {
        OpenAIError::Reqwest(error) if error.is_connect() => "it is not reachable".to_owned(),
        OpenAIError::Reqwest(error) if error.is_timeout() => "it does not answer".to_owned(),
        OpenAIError::Reqwest(_) => "the connection failed".to_owned(),
        OpenAIError::ApiError(error) => format!("it answered with status {}", error.status_code.as_u16()),
        OpenAIError::JSONDeserialize(..) => "it answered something else than embeddings".to_owned(),
        _ => "the request failed".to_owned(),
    }
}

impl fmt::Debug for Endpoint {
    /// Without the key.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Endpoint").field("id", &self.id).finish_non_exhaustive()
    }
}
