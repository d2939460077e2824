//! Why a call brought nothing.

use async_openai::error::OpenAIError;
use deskbridge_entity::llm_call::Outcome;
use reqwest::StatusCode;

/// Why there is no answer. Its text holds no word of a customer or a model, and no key.
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
    /// Whether the endpoint itself seems to be out of order, for everybody: it, its key or its model is not there. Else
    /// it is this request that it does not like, or an answer that went wrong.
    #[must_use]
    pub fn is_outage(self) -> bool {
        match self {
            Self::Unreachable | Self::Timeout | Self::RateLimited => true,
            Self::Rejected { status } => !matches!(status, 400 | 403 | 413 | 422),
            Self::Settings(_) | Self::Malformed(_) => false,
        }
    }

    /// How the call is noted.
    #[must_use]
    pub fn outcome(self) -> Outcome {
        match self {
            Self::Unreachable => Outcome::Unreachable,
            Self::Timeout => Outcome::Timeout,
            Self::RateLimited => Outcome::RateLimited,
            Self::Settings(_) | Self::Rejected { .. } => Outcome::Rejected,
            Self::Malformed(_) => Outcome::Malformed,
        }
    }

    pub(super) fn from_status(status: StatusCode) -> Self {
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
