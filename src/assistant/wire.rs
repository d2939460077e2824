//! The chat completion API as we speak it, and how an answer is understood.
//!
//! Servers differ: missing fields, foreign ones, numbers as text. Answers are therefore read from plain JSON values,
//! and only what a draft needs is asked of them.

use serde::{Serialize, Serializer, ser::SerializeMap};
use serde_json::{Value, json};

use super::prompt::MAX_PASSAGES;
use super::{
    draft::{self, Action, Draft, Priority},
    llm::{LlmError, Usage},
    prompt::ChatMessage,
};

/// The most characters of a reply; more is a model that does not find an end.
const MAX_REPLY_CHARS: usize = 8000;

/// A request, in the part of the API that every server knows.
#[derive(Serialize)]
pub(super) struct Request<'a> {
    pub(super) model: &'a str,
    pub(super) messages: &'a [ChatMessage],
    pub(super) stream: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) temperature: Option<f32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) max_tokens: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) response_format: Option<ResponseFormat>,
}

#[derive(Serialize)]
pub(super) struct ResponseFormat {
    r#type: &'static str,
    json_schema: JsonSchema,
}

#[derive(Serialize)]
struct JsonSchema {
    name: &'static str,
    strict: bool,
    schema: Schema,
}

#[derive(Serialize)]
struct Schema {
    r#type: &'static str,
    properties: Properties,
    required: Vec<&'static str>,
    #[serde(rename = "additionalProperties")]
    additional_properties: bool,
}

/// Properties in the order in which the model shall write them: the reply first, what it decided about it after. (A
/// JSON map would sort them by name.)
struct Properties(Vec<(&'static str, Value)>);

impl Serialize for Properties {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(self.0.len()))?;
        for (name, schema) in &self.0 {
            map.serialize_entry(name, schema)?;
        }
        map.end()
    }
}

/// The structure a draft has. `triage` adds subject and priority.
pub(super) fn response_format(triage: bool) -> ResponseFormat {
    let mut properties = vec![
        ("reply", json!({ "type": "string" })),
        ("action", json!({ "type": "string", "enum": ["continue", "clarify", "hand_off", "resolve"] })),
        ("reason", json!({ "type": "string" })),
        // Bounded, because a small model that follows the grammar would count on until its tokens are used up.
        ("citations", json!({ "type": "array", "items": { "type": "integer" }, "maxItems": MAX_PASSAGES })),
    ];
    if triage {
        properties.push(("subject", json!({ "type": "string" })));
        properties.push(("priority", json!({ "type": "string", "enum": ["low", "normal", "high", "urgent"] })));
    }
    // Strict mode wants every property required and no other allowed.
    let required = properties.iter().map(|(name, _)| *name).collect();
    let schema =
        Schema { r#type: "object", properties: Properties(properties), required, additional_properties: false };
    ResponseFormat { r#type: "json_schema", json_schema: JsonSchema { name: "draft", strict: true, schema } }
}

/// Reads the body of an answer.
pub(super) fn read(body: &Value, triage: bool) -> Result<(Draft, Usage), LlmError> {
    let choice = body.pointer("/choices/0").ok_or(LlmError::Malformed("no choices"))?;
    let message = choice.get("message").ok_or(LlmError::Malformed("no message"))?;
    let finish = choice.get("finish_reason").and_then(Value::as_str).unwrap_or_default();
    let refused = message.get("refusal").and_then(Value::as_str).is_some_and(|text| !text.trim().is_empty());
    if refused || finish == "content_filter" {
        return Err(LlmError::Malformed("refused"));
    }
    // Half an answer can say the opposite of the whole.
    if finish == "length" {
        return Err(LlmError::Malformed("cut off"));
    }
    let draft = read_content(&content(message), triage)?;
    Ok((draft, usage(body)))
}

/// What an answer says it cost.
pub(super) fn usage(body: &Value) -> Usage {
    let tokens = |name| body.get("usage").and_then(|usage| usage.get(name)).and_then(Value::as_u64);
    Usage { prompt_tokens: tokens("prompt_tokens"), completion_tokens: tokens("completion_tokens") }
}

/// The text of a message: a string, or a list of parts.
fn content(message: &Value) -> String {
    match message.get("content") {
        Some(Value::String(text)) => text.clone(),
        Some(Value::Array(parts)) => parts.iter().filter_map(|part| part.get("text")?.as_str()).collect(),
        _ => String::new(),
    }
}

fn read_content(content: &str, triage: bool) -> Result<Draft, LlmError> {
    let text = without_thoughts(content).trim();
    if text.is_empty() {
        return Err(LlmError::Malformed("empty"));
    }
    if let Some(object) = first_draft_object(text) {
        return read_draft(&object, triage);
    }
    // What set out to be JSON must never reach a customer as text.
    if text.starts_with(['{', '[']) || text.starts_with("```") || text.contains("\"reply\"") {
        return Err(LlmError::Malformed("broken JSON"));
    }
    Ok(Draft::new(clean_reply(text)?, Action::Continue))
}

/// Some servers leave a reasoning model's thoughts in the content.
fn without_thoughts(content: &str) -> &str {
    let content = content.trim_start();
    match content.strip_prefix("<think>") {
        // Thoughts that do not end leave no answer.
        Some(thoughts) => thoughts.split_once("</think>").map_or("", |(_, answer)| answer),
        None => content,
    }
}

/// The first JSON object with a reply, whatever stands before it (a fence, a sentence) and after it.
fn first_draft_object(text: &str) -> Option<Value> {
    // A few attempts are enough for braces in a sentence before it, and keep hostile text from costing time.
    text.match_indices('{').take(8).find_map(|(start, _)| {
        let mut values = serde_json::Deserializer::from_str(&text[start..]).into_iter::<Value>();
        values.next()?.ok().filter(|value| value.get("reply").is_some())
    })
}

fn read_draft(object: &Value, triage: bool) -> Result<Draft, LlmError> {
    let text = |name: &str| object.get(name).and_then(Value::as_str).map(str::trim).filter(|text| !text.is_empty());
    let action = text("action").map_or(Action::Continue, action);
    let reply = clean_reply(text("reply").unwrap_or_default())?;
    if reply.is_empty() && action != Action::HandOff {
        return Err(LlmError::Malformed("empty reply"));
    }
    let reason = text("reason").map(|reason| reason.chars().filter(|c| !draft::is_hidden(*c)).take(500).collect());
    Ok(Draft {
        reply,
        action,
        reason,
        citations: citations(object.get("citations")),
        subject: text("subject").filter(|_| triage).and_then(draft::subject),
        priority: text("priority").filter(|_| triage).and_then(priority),
    })
}

fn clean_reply(text: &str) -> Result<String, LlmError> {
    if text.chars().count() > MAX_REPLY_CHARS {
        return Err(LlmError::Malformed("endless"));
    }
    // Joiners shape emoji and several scripts, so only control characters go.
    Ok(text.chars().filter(|c| !c.is_control() || matches!(c, '\n' | '\t')).collect::<String>().trim().to_owned())
}

fn action(name: &str) -> Action {
    match name.to_ascii_lowercase().replace(['-', ' '], "_").as_str() {
        "hand_off" | "handoff" | "escalate" => Action::HandOff,
        "clarify" => Action::Clarify,
        "resolve" | "resolved" => Action::Resolve,
        _ => Action::Continue,
    }
}

fn priority(name: &str) -> Option<Priority> {
    match name.to_ascii_lowercase().as_str() {
        "low" => Some(Priority::Low),
        "normal" | "medium" => Some(Priority::Normal),
        "high" => Some(Priority::High),
        "urgent" => Some(Priority::Urgent),
        _ => None,
    }
}

/// Numbers, or text that is one (`"1"`, `"[1]"`); each once, in order.
fn citations(value: Option<&Value>) -> Vec<usize> {
    let number = |value: &Value| match value {
        Value::Number(number) => number.as_u64(),
        Value::String(text) => text.trim_matches(['[', ']', ' ']).parse().ok(),
        _ => None,
    };
    let listed = value.and_then(Value::as_array).into_iter().flatten().filter_map(number);
    let mut numbers: Vec<usize> = listed.filter_map(|number| number.try_into().ok()).filter(|n| *n > 0).collect();
    numbers.sort_unstable();
    numbers.dedup();
    numbers
}

#[cfg(test)]
mod tests {
    use super::*;

    fn malformed(content: &str) -> &'static str {
        match read_content(content, true) {
            Err(LlmError::Malformed(why)) => why,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn reads_every_field() {
        let content = r#"{"reply":" Hi\u0000 there ","action":"clarify","reason":"why","citations":[2,"[1]",2,0,-1],
            "subject":"Return of\ntea","priority":"HIGH","extra":1}"#;
        let expected = Draft {
            reply: "Hi there".into(),
            action: Action::Clarify,
            reason: Some("why".into()),
            citations: vec![1, 2],
            subject: Some("Return of tea".into()),
            priority: Some(Priority::High),
        };
        assert_eq!(read_content(content, true).unwrap(), expected);
        let untriaged = read_content(content, false).unwrap();
        assert_eq!((untriaged.subject, untriaged.priority), (None, None));
    }

    #[test]
    fn finds_the_object_behind_fences_and_words() {
        for content in [
            "```json\n{\"reply\":\"ok\",\"action\":\"hand-off\"}\n```",
            "Sure {as asked}! Here it is: {\"reply\":\"ok\",\"action\":\"HandOff\"} Done.",
            "<think>{\"reply\":\"no\"}</think>\n{\"reply\":\"ok\",\"action\":\"hand_off\"}",
        ] {
            let draft = read_content(content, false).unwrap();
            assert_eq!((draft.reply.as_str(), draft.action), ("ok", Action::HandOff), "{content}");
        }
    }

    #[test]
    fn plain_text_is_a_reply() {
        let draft = read_content("We open at 9:00 {Mon}.", true).unwrap();
        assert_eq!(draft, Draft::new("We open at 9:00 {Mon}.", Action::Continue));
    }

    #[test]
    fn what_looks_like_json_never_becomes_a_reply() {
        assert_eq!(malformed("{\"reply\":\"Hel"), "broken JSON");
        assert_eq!(malformed("```json\n{\"reply\":"), "broken JSON");
        assert_eq!(malformed("Here: {\"reply\": \"x"), "broken JSON");
        assert_eq!(malformed("{\"answer\":\"x\"}"), "broken JSON");
        assert_eq!(malformed("[]"), "broken JSON");
        assert_eq!(malformed("  \n"), "empty");
        assert_eq!(malformed("<think>on and on"), "empty");
        assert_eq!(malformed("{\"reply\":\" \",\"action\":\"continue\"}"), "empty reply");
        assert_eq!(malformed("{\"reply\":null}"), "empty reply");
        assert_eq!(malformed(&"x".repeat(8001)), "endless");
    }

    #[test]
    fn a_hand_off_needs_no_reply() {
        let draft = read_content("{\"reply\":\"\",\"action\":\"hand_off\",\"reason\":\"angry\"}", false).unwrap();
        assert_eq!(draft, Draft::hand_off("", "angry"));
    }

    proptest::proptest! {
        #[test]
        fn any_content_is_a_draft_or_malformed(content in "(\\PC|\\{|\"reply\":|\"|\\}|```|\n){0,60}") {
            if let Ok(draft) = read_content(&content, true) {
                proptest::prop_assert!(!draft.reply.is_empty() || draft.action == Action::HandOff);
                proptest::prop_assert!(!draft.reply.contains("\"reply\""));
            }
        }
    }
}
