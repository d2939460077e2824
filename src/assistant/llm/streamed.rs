//! An answer that comes piece by piece: put together to the body that it would have been at once.
//!
//! The library has streams of its own, which read ahead without bound, read a long line again with each part of it, and
//! panic at a byte order mark; an endpoint is trusted with none of that. So it asks as for a whole answer, and a layer below it
//! reads the pieces.

use std::io;

use async_openai::error::OpenAIError;
use futures::{FutureExt, Stream, StreamExt, TryStreamExt, future::BoxFuture};
use http_body_util::BodyExt;
use reqwest::{Response, header::CONTENT_TYPE};
use serde_json::{Value, json};
use tokio::{sync::watch::Sender, task::coop::consume_budget};
use tokio_util::{
    codec::{FramedRead, LinesCodec, LinesCodecError},
    io::StreamReader,
};

use super::{super::wire, Disliked, LlmError, MAX_ANSWER_BYTES, Refusal, bounded};

/// The longest line of a stream, in bytes: some endpoints send an answer in one piece.
const MAX_LINE_BYTES: usize = 256 * 1024;

/// Hears of the content so far, whenever more of it has come.
pub type Watch<'a> = &'a (dyn Fn(&str) + Send + Sync);

/// Makes one body of a stream of events (HTML Living Standard §9.2), and tells the content so far while it grows. A body that
/// came at once, from an endpoint that takes no notice of being asked for pieces, stays as it is.
pub(super) fn gathered(
    response: Response,
    growing: Sender<String>,
) -> BoxFuture<'static, Result<Response, OpenAIError>> {
    async move {
        let kind = response.headers().get(CONTENT_TYPE).and_then(|kind| kind.to_str().ok()).unwrap_or_default();
        if kind.contains("json") {
            return Ok(bounded(response, MAX_ANSWER_BYTES));
        }
        let response: http::Response<reqwest::Body> = response.into();
        let bytes = response.into_body().into_data_stream().map_err(io::Error::other);
        let lines = FramedRead::new(StreamReader::new(bytes), LinesCodec::new_with_max_length(MAX_LINE_BYTES));
        let body = gather(lines, &growing).await.map_err(|refusal| OpenAIError::Boxed(Box::new(refusal)))?;
        Ok(http::Response::new(reqwest::Body::from(body.to_string())).into())
    }
    .boxed()
}

/// Reads all pieces. What it holds is one line, and a text that is bounded as a body is.
async fn gather(
    mut lines: impl Stream<Item = Result<String, LinesCodecError>> + Unpin,
    growing: &Sender<String>,
) -> Result<Value, Refusal> {
    let mut gathered = Gathered::default();
    while let Some(line) = lines.next().await {
        // What is there already is taken without waiting, and others want their turn.
        consume_budget().await;
        let line = line.map_err(|error| match error {
            LinesCodecError::MaxLineLengthExceeded => broken(LlmError::Malformed("a line without end")),
            LinesCodecError::Io(_) => broken(LlmError::Unreachable),
        })?;
        // Endpoints write an event in one line; what names events, or keeps the connection open, says nothing here.
        let Some(data) = line.trim_start_matches('\u{feff}').strip_prefix("data:") else { continue };
        let data = data.trim();
        if data == "[DONE]" {
            break;
        }
        let piece: Value = serde_json::from_str(data).map_err(|_| broken(LlmError::Malformed("not JSON")))?;
        // Its status was well when it began; what went wrong since is said like this.
        if piece.get("error").is_some_and(|error| !error.is_null()) {
            return Err(broken(LlmError::Unreachable));
        }
        if piece.pointer("/choices/0/message").is_some() {
            return Ok(piece);
        }
        let more = gathered.add(&piece);
        let length = growing.borrow().len() + more.len() + gathered.refusal.len();
        if length > MAX_ANSWER_BYTES {
            return Err(broken(LlmError::Malformed("endless")));
        }
        if !more.is_empty() {
            growing.send_modify(|content| *content += &more);
        }
    }
    gathered.body(&growing.borrow())
}

fn broken(error: LlmError) -> Refusal {
    Refusal { error, disliked: None }
}

/// What pieces have said beside the content.
#[derive(Default)]
struct Gathered {
    refusal: String,
    calls_tools: bool,
    finish: Option<Value>,
    usage: Option<Value>,
}

impl Gathered {
    /// Gives what comes behind the content.
    fn add(&mut self, piece: &Value) -> String {
        // The last piece of many servers has this, and no choices.
        if let Some(usage) = piece.get("usage").filter(|usage| usage.is_object()) {
            self.usage = Some(usage.clone());
        }
        let Some(choice) = piece.pointer("/choices/0") else { return String::new() };
        if let Some(finish) = choice.get("finish_reason").filter(|finish| !finish.is_null()) {
            self.finish = Some(finish.clone());
        }
        let Some(delta) = choice.get("delta") else { return String::new() };
        self.refusal += delta.get("refusal").and_then(Value::as_str).unwrap_or_default();
        self.calls_tools |= wire::calls_tools(delta);
        wire::content(delta)
    }

    fn body(self, content: &str) -> Result<Value, Refusal> {
        // Half of it may be missing.
        let end = Refusal { error: LlmError::Malformed("cut off"), disliked: Some(Disliked::Endless) };
        let finish = self.finish.ok_or(end)?;
        let mut message = json!({ "role": "assistant", "content": content });
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
    use futures::stream;
    use tokio::sync::watch;

    use super::*;

    fn delta(delta: Value, finish: Option<&str>) -> Value {
        json!({ "choices": [{ "index": 0, "delta": delta, "finish_reason": finish }], "usage": null })
    }

    /// What comes of these lines.
    fn read(lines: Vec<String>) -> Result<Value, Refusal> {
        let lines = stream::iter(lines.into_iter().map(Ok));
        gather(lines, &watch::channel(String::new()).0).now_or_never().unwrap()
    }

    fn gather_all(pieces: &[Value]) -> Result<Value, Refusal> {
        read(pieces.iter().map(|piece| format!("data: {piece}")).collect())
    }

    fn why(pieces: &[Value]) -> LlmError {
        gather_all(pieces).unwrap_err().error
    }

    #[test]
    fn pieces_become_the_body_that_they_are_pieces_of() {
        let usage = json!({ "prompt_tokens": 7, "completion_tokens": 3 });
        let body = gather_all(&[
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
        assert_eq!(body.unwrap(), whole);
    }

    #[test]
    fn what_a_body_says_beside_its_text_is_kept() {
        let refused =
            gather_all(&[delta(json!({ "refusal": "I can" }), None), delta(json!({ "refusal": "not" }), Some("stop"))]);
        assert_eq!(refused.unwrap()["choices"][0]["message"]["refusal"], "I cannot");
        let call = json!({ "tool_calls": [{ "function": { "name": "refund" } }] });
        let calls = gather_all(&[delta(call, None), delta(json!({}), Some("tool_calls"))]);
        assert!(!calls.unwrap()["choices"][0]["message"]["tool_calls"].as_array().unwrap().is_empty());
        let cut = gather_all(&[delta(json!({ "content": "Hel" }), Some("length"))]);
        assert_eq!(cut.unwrap()["choices"][0]["finish_reason"], "length");
    }

    #[test]
    fn half_an_answer_is_none() {
        let begun = delta(json!({ "content": "We do not" }), None);
        for pieces in [&[begun.clone()][..], &[]] {
            assert_eq!(gather_all(pieces).unwrap_err().disliked, Some(Disliked::Endless));
        }
        let error = json!({ "error": { "message": "out of memory" } });
        assert_eq!(why(&[begun.clone(), error]), LlmError::Unreachable);
        let more = delta(json!({ "content": "x".repeat(MAX_ANSWER_BYTES) }), None);
        assert_eq!(why(&[begun, more]), LlmError::Malformed("endless"));
    }

    #[test]
    fn a_whole_body_is_taken_as_it_is() {
        let body = json!({ "choices": [{ "message": { "content": "Hi" } }] });
        assert_eq!(gather_all(std::slice::from_ref(&body)).unwrap(), body);
    }

    #[test]
    fn what_else_stands_in_a_stream_is_passed_over() {
        let piece = delta(json!({ "content": "Hi" }), Some("stop"));
        let lines =
            ["\u{feff}: a comment", "event: message", &format!("data:{piece}"), "id: 1", "", "data: [DONE]", "data: {"];
        let body = read(lines.map(str::to_owned).to_vec()).unwrap();
        assert_eq!(body["choices"][0]["message"]["content"], "Hi");
        let marked = format!("\u{feff}data: {piece}");
        assert_eq!(read(vec![marked]).unwrap()["choices"][0]["message"]["content"], "Hi");
        let nested = format!("data: {}", "[".repeat(100_000));
        assert_eq!(read(vec![nested]).unwrap_err().error, LlmError::Malformed("not JSON"));
    }
}
