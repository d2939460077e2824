//! What an endpoint understands, as far as it has shown.
//!
//! It is asked in the richest way first. When it refuses that, it is asked more plainly, and what worked then is
//! remembered: for the process, whoever asks.

use std::sync::atomic::{AtomicU8, Ordering};

use serde_json::Value;

/// After how many streams in a row that do not say that they are at their end an endpoint is asked for no more.
const ENDLESS: u8 = 3;

/// How the form of an answer is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Structure {
    /// By a JSON schema.
    Schema,
    /// As any JSON object; the prompt says which.
    Object,
    /// By the prompt alone.
    Prompt,
}

/// How a request is put.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Manner {
    pub(super) structure: Structure,
    /// The most tokens of an answer are called `max_completion_tokens`.
    pub(super) completion_tokens: bool,
    /// A temperature is sent.
    pub(super) temperature: bool,
    /// An answer that somebody watches comes piece by piece.
    pub(super) stream: bool,
}

/// What an endpoint did not like in a request, in its own words.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Disliked {
    /// The name `max_tokens`.
    MaxTokens,
    /// A temperature, or this one.
    Temperature,
    /// The form that was asked for.
    Structure,
    /// To answer piece by piece.
    Stream,
    /// Nothing: it answered piece by piece, and did not say that it was the end.
    Endless,
    /// It does not say.
    Unknown,
}

impl Disliked {
    /// Reads the body of an error with this status; `None` when a plainer request would not help.
    pub(super) fn of(status: u16, body: &str) -> Option<Self> {
        // Endpoints differ in where the words stand, not in the words.
        let said = serde_json::from_str::<Value>(body).map_or_else(|_| body.to_owned(), |json| json.to_string());
        let said = said.to_ascii_lowercase();
        let names = |words: &[&str]| words.iter().any(|word| said.contains(word));
        match status {
            400 | 404 | 422 if names(&["max_completion_tokens"]) => Some(Self::MaxTokens),
            400 | 404 | 422 if names(&["temperature"]) => Some(Self::Temperature),
            400 | 404 | 422 if says_stream(&said) => Some(Self::Stream),
            400 | 404 | 422 if names(&["response_format", "json_schema", "json_object", "structured output"]) => {
                Some(Self::Structure)
            }
            // A longer text is no shorter for being asked for more plainly.
            400 | 422
                if names(&["context length", "context_length", "context size", "too long", "too many tokens"]) =>
            {
                None
            }
            400 | 422 => Some(Self::Unknown),
            _ => None,
        }
    }
}

/// Not "upstream": a gateway's words for a server that is away.
fn says_stream(said: &str) -> bool {
    let words = said.split(|c: char| !c.is_ascii_alphanumeric() && c != '_');
    words.into_iter().any(|word| matches!(word, "stream" | "streaming" | "stream_options" | "include_usage"))
}

impl Manner {
    /// The next plainer way, if there is one.
    pub(super) fn without(self, disliked: Disliked) -> Option<Self> {
        let plainer = match self.structure {
            Structure::Schema => Some(Structure::Object),
            Structure::Object => Some(Structure::Prompt),
            Structure::Prompt => None,
        };
        match disliked {
            Disliked::MaxTokens => (!self.completion_tokens).then_some(Self { completion_tokens: true, ..self }),
            Disliked::Temperature => self.temperature.then_some(Self { temperature: false, ..self }),
            Disliked::Stream | Disliked::Endless => self.stream.then_some(Self { stream: false, ..self }),
            // The form matters more than that somebody sees it grow.
            Disliked::Unknown if self.stream => Some(Self { stream: false, ..self }),
            Disliked::Structure | Disliked::Unknown => plainer.map(|structure| Self { structure, ..self }),
        }
    }
}

/// What is remembered of one endpoint.
#[derive(Debug, Default)]
pub(super) struct Capability {
    known: AtomicU8,
    /// Streams in a row without an end.
    endless: AtomicU8,
}

impl Capability {
    pub(super) fn manner(&self) -> Manner {
        let bits = self.known.load(Ordering::Relaxed);
        let ends = self.endless.load(Ordering::Relaxed) < ENDLESS;
        let structure = match bits & 0b11 {
            0 => Structure::Schema,
            1 => Structure::Object,
            _ => Structure::Prompt,
        };
        Manner {
            structure,
            completion_tokens: bits & 0b100 != 0,
            temperature: bits & 0b1000 == 0,
            stream: ends && bits & 0b1_0000 == 0,
        }
    }

    /// This worked; from now on it is the first that is tried.
    pub(super) fn remember(&self, manner: Manner) {
        let bits = manner.structure as u8
            | if manner.completion_tokens { 0b100 } else { 0 }
            | if manner.temperature { 0 } else { 0b1000 }
            | if manner.stream { 0 } else { 0b1_0000 };
        self.known.store(bits, Ordering::Relaxed);
    }

    /// A stream came to its end, or ended without. Servers that restart end them, too, so once is no habit.
    pub(super) fn streamed(&self, has_end: bool) {
        if has_end {
            self.endless.store(0, Ordering::Relaxed);
        } else {
            let _ = self.endless.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |so_far| so_far.checked_add(1));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_endpoints_say_they_dislike() {
        for (status, body, disliked) in [
            (
                400,
                r#"{"error":{"message":"Unsupported parameter: 'max_tokens' is not supported with this model. Use 'max_completion_tokens' instead.","param":"max_tokens"}}"#,
                Some(Disliked::MaxTokens),
            ),
            (
                400,
                r#"{"error":{"message":"Unsupported value: 'temperature' does not support 0.2 with this model."}}"#,
                Some(Disliked::Temperature),
            ),
            (
                400,
                r#"{"error":{"message":"Invalid parameter: 'response_format' of type 'json_schema' is not supported"}}"#,
                Some(Disliked::Structure),
            ),
            (400, r#"{"error":{"message":"Unrecognized request argument: stream_options"}}"#, Some(Disliked::Stream)),
            (422, "upstream refused it", Some(Disliked::Unknown)),
            (404, "No endpoints found that support response_format", Some(Disliked::Structure)),
            (422, r#"{"detail":[{"msg":"extra fields not permitted"}]}"#, Some(Disliked::Unknown)),
            (400, "This model's maximum context length is 8192 tokens", None),
            (404, r#"{"error":{"message":"The model `x` does not exist"}}"#, None),
            (401, "temperature", None),
            (500, "response_format", None),
        ] {
            assert_eq!(Disliked::of(status, body), disliked, "{status} {body}");
        }
    }

    #[test]
    fn every_way_is_remembered_as_it_is_and_plainer_ways_come_to_an_end() {
        let capability = Capability::default();
        let mut manner = capability.manner();
        let first = Manner { structure: Structure::Schema, completion_tokens: false, temperature: true, stream: true };
        assert_eq!(manner, first);
        let steps =
            [Disliked::MaxTokens, Disliked::Unknown, Disliked::Unknown, Disliked::Temperature, Disliked::Structure];
        for disliked in steps {
            manner = manner.without(disliked).unwrap();
            capability.remember(manner);
            assert_eq!(capability.manner(), manner);
        }
        assert!(
            steps.into_iter().chain([Disliked::Stream]).all(|disliked| manner.without(disliked).is_none()),
            "{manner:?}"
        );
    }
}
