//! An answer that comes piece by piece: gathered to the body that it would have been at once.

use async_openai::error::OpenAIError;
use futures::{FutureExt, Stream, StreamExt, future::BoxFuture};
use reqwest::{Response, header::CONTENT_TYPE};
use serde_json::{Value, json};

use super::{LlmError, MAX_ANSWER_BYTES, Refusal, whole};

/// Hears of the content so far, whenever more of it has come.
pub type Watch<'a> = &'a (dyn Fn(&str) + Send + Sync);

/// Why there is no body.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Broken {
    /// The call brought nothing.
    Error(LlmError),
    /// It ended without saying that it is the end, so half of it may be missing. Some servers' streams always do.
    Endless,
}

/// Makes one event of a body that came at once, from an endpoint that takes no notice of being asked for pieces.
pub(super) fn as_events(response: Response) -> BoxFuture<'static, Result<Response, OpenAIError>> {
    async {
        let kind = response.headers().get(CONTENT_TYPE).and_then(|kind| kind.to_str().ok()).unwrap_or_default();
        if !kind.contains("json") {
            return Ok(response);
        }
        let broken = Refusal { error: LlmError::Unreachable, disliked: None };
        let text = whole(response, MAX_ANSWER_BYTES).await.ok_or_else(|| OpenAIError::Boxed(Box::new(broken)))?;
        // On one line. What is no JSON is none as an event, either.
        let line = serde_json::from_str::<Value>(&text).map_or_else(|_| "?".to_owned(), |body| body.to_string());
        Ok(http::Response::new(reqwest::Body::from(format!("data: {line}\n\n"))).into())
    }
    .boxed()
}

/// Reads all pieces, and makes a body of them. The text that it holds is bounded as a body is.
pub(super) async fn gathered(
    mut pieces: impl Stream<Item = Result<Value, LlmError>> + Unpin,
    watch: Watch<'_>,
) -> Result<Value, Broken> {
    let mut gathered = Gathered::default();
    while let Some(piece) = pieces.next().await {
        let piece = piece.map_err(Broken::Error)?;
        // Its status was well when it began; what went wrong since is said like this.
        if piece.get("error").is_some_and(|error| !error.is_null()) {
            return Err(Broken::Error(LlmError::Unreachable));
        }
        if piece.pointer("/choices/0/message").is_some() {
            return Ok(piece);
        }
        if gathered.add(&piece) {
            watch(&gathered.content);
        }
        if gathered.content.len() + gathered.refusal.len() > MAX_ANSWER_BYTES {
            return Err(Broken::Error(LlmError::Malformed("endless")));
        }
    }
    gathered.body()
}

#[derive(Default)]
struct Gathered {
    content: String,
    refusal: String,
    calls_tools: bool,
    finish: Option<Value>,
    usage: Option<Value>,
}

impl Gathered {
    /// Gives whether there is more content.
    fn add(&mut self, piece: &Value) -> bool {
        // The last piece of many servers has this, and no choices.
        if let Some(usage) = piece.get("usage").filter(|usage| usage.is_object()) {
            self.usage = Some(usage.clone());
        }
        let Some(choice) = piece.pointer("/choices/0") else { return false };
        if let Some(finish) = choice.get("finish_reason").filter(|finish| !finish.is_null()) {
            self.finish = Some(finish.clone());
        }
        let Some(delta) = choice.get("delta") else { return false };
        self.refusal += delta.get("refusal").and_then(Value::as_str).unwrap_or_default();
        let has_calls = |calls: &Value| calls.as_array().is_some_and(|calls| !calls.is_empty());
        self.calls_tools |=
            delta.get("tool_calls").is_some_and(has_calls) || delta.get("function_call").is_some_and(Value::is_object);
        let before = self.content.len();
        match delta.get("content") {
            Some(Value::String(text)) => self.content += text,
            Some(Value::Array(parts)) => {
                parts.iter().filter_map(|part| part.get("text")?.as_str()).for_each(|text| self.content += text);
            }
            _ => {}
        }
        self.content.len() > before
    }

    fn body(self) -> Result<Value, Broken> {
        let finish = self.finish.ok_or(Broken::Endless)?;
        let mut message = json!({ "role": "assistant", "content": self.content });
        if !self.refusal.is_empty() {
            message["refusal"] = self.refusal.into();
        }
        if self.calls_tools {
            message["tool_calls"] = json!([{}]);
        }
        Ok(json!({ "choices": [{ "message": message, "finish_reason": finish }], "usage": self.usage }))
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use futures::stream;

    use super::*;

    fn delta(delta: Value, finish: Option<&str>) -> Value {
        json!({ "choices": [{ "index": 0, "delta": delta, "finish_reason": finish }], "usage": null })
    }

    /// What comes of these pieces, and what a watcher hears.
    fn gather(pieces: &[Value]) -> (Result<Value, Broken>, Vec<String>) {
        let heard = Mutex::new(Vec::new());
        let watch = |content: &str| heard.lock().unwrap().push(content.to_owned());
        let pieces = stream::iter(pieces.iter().cloned().map(Ok));
        let body = gathered(pieces, &watch).now_or_never().unwrap();
        (body, heard.into_inner().unwrap())
    }

    #[test]
    fn pieces_become_the_body_that_they_are_pieces_of() {
        let usage = json!({ "prompt_tokens": 7, "completion_tokens": 3 });
        let (body, heard) = gather(&[
            delta(json!({ "role": "assistant", "content": "" }), None),
            delta(json!({ "reasoning_content": "hm" }), None),
            delta(json!({ "content": "Hel" }), None),
            json!({ "id": "1", "choices": [] }),
            delta(json!({ "content": [{ "type": "text", "text": "lo" }] }), None),
            delta(json!({}), Some("stop")),
            json!({ "choices": [], "usage": usage }),
        ]);
        let message = json!({ "role": "assistant", "content": "Hello" });
        let whole = json!({ "choices": [{ "message": message, "finish_reason": "stop" }], "usage": usage });
        assert_eq!((body, heard), (Ok(whole), vec!["Hel".to_owned(), "Hello".to_owned()]));
    }

    #[test]
    fn what_a_body_says_beside_its_text_is_kept() {
        let (refused, _) =
            gather(&[delta(json!({ "refusal": "I can" }), None), delta(json!({ "refusal": "not" }), Some("stop"))]);
        assert_eq!(refused.unwrap()["choices"][0]["message"]["refusal"], "I cannot");
        let call = json!({ "tool_calls": [{ "function": { "name": "refund" } }] });
        let (calls, _) = gather(&[delta(call, None), delta(json!({}), Some("tool_calls"))]);
        assert!(!calls.unwrap()["choices"][0]["message"]["tool_calls"].as_array().unwrap().is_empty());
        let (cut, _) = gather(&[delta(json!({ "content": "Hel" }), Some("length"))]);
        assert_eq!(cut.unwrap()["choices"][0]["finish_reason"], "length");
    }

    #[test]
    fn half_an_answer_is_none() {
        let begun = delta(json!({ "content": "We do not" }), None);
        assert_eq!(gather(std::slice::from_ref(&begun)).0, Err(Broken::Endless));
        assert_eq!(gather(&[]).0, Err(Broken::Endless));
        let error = json!({ "error": { "message": "out of memory" } });
        assert_eq!(gather(&[begun.clone(), error]).0, Err(Broken::Error(LlmError::Unreachable)));
        let more = delta(json!({ "content": "x".repeat(MAX_ANSWER_BYTES) }), None);
        assert_eq!(gather(&[begun, more]).0, Err(Broken::Error(LlmError::Malformed("endless"))));
    }

    #[test]
    fn a_whole_body_is_taken_as_it_is() {
        let body = json!({ "choices": [{ "message": { "content": "Hi" } }] });
        assert_eq!(gather(std::slice::from_ref(&body)), (Ok(body), vec![]));
    }
}
