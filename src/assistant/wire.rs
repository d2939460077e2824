//! The chat completion API as we speak it, and how an answer is understood.
//!
//! Servers differ: missing fields, foreign ones, numbers as text. Answers are therefore read from plain JSON values,
//! and only what a draft needs is asked of them.

mod growing;
mod request;

use serde_json::Value;

pub(super) use growing::reply_so_far;
pub use request::Form;
pub(super) use request::{Request, StreamOptions, response_format};

use super::{
    draft::{self, Action, Draft, Priority, Step},
    llm::LlmError,
    plain,
    reword::MAX_QUERY_CHARS,
};

/// The most characters of a reply; more is a model that does not find an end.
const MAX_REPLY_CHARS: usize = 8000;

/// What one request cost, as far as the endpoint says so.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Usage {
    /// Tokens of the messages.
    pub prompt_tokens: Option<u64>,
    /// Tokens of the answer.
    pub completion_tokens: Option<u64>,
}

/// What the endpoint says that it cost, whatever else is in the body.
pub(super) fn usage(body: &Value) -> Usage {
    let tokens = |name| body.get("usage").and_then(|usage| usage.get(name)).and_then(Value::as_u64);
    Usage { prompt_tokens: tokens("prompt_tokens"), completion_tokens: tokens("completion_tokens") }
}

/// Reads the step of a model that was asked for a draft.
pub(super) fn read_step(body: &Value, triage: bool) -> Result<Step, LlmError> {
    read_content(&read_text(body)?, triage)
}

/// Reads the text of an answer, without a reasoning model's thoughts; it is never empty.
pub(super) fn read_text(body: &Value) -> Result<String, LlmError> {
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
    // Nobody has offered it any: what it believes to have done has not been done.
    if calls_tools(message) {
        return Err(LlmError::Malformed("it calls tools that it does not have"));
    }
    let text = content(message);
    let text = without_thoughts(&text).trim();
    if text.is_empty() { Err(LlmError::Malformed("empty")) } else { Ok(text.to_owned()) }
}

/// Whether a message, or a piece of one, is more than words.
pub(super) fn calls_tools(message: &Value) -> bool {
    let has_calls = |calls: &Value| calls.as_array().is_some_and(|calls| !calls.is_empty());
    message.get("tool_calls").is_some_and(has_calls) || message.get("function_call").is_some_and(Value::is_object)
}

/// The text of a message, or of a piece of one: a string, or a list of parts.
pub(super) fn content(message: &Value) -> String {
    match message.get("content") {
        Some(Value::String(text)) => text.clone(),
        Some(Value::Array(parts)) => parts.iter().filter_map(|part| part.get("text")?.as_str()).collect(),
        _ => String::new(),
    }
}

fn read_content(text: &str, triage: bool) -> Result<Step, LlmError> {
    if let Some(object) = first_draft_object(text) {
        return read_object(&object, triage);
    }
    // What set out to be JSON must never reach a customer as text.
    if text.starts_with(['{', '[']) || text.starts_with("```") || text.contains("\"reply\"") {
        return Err(LlmError::Malformed("broken JSON"));
    }
    let reply = clean_reply(text)?;
    let action = plain::action(&reply);
    Ok(Step::Draft(Draft::new(reply, action)))
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

/// The first JSON object with a reply or a query, whatever stands before it (a fence, a sentence) and after it.
fn first_draft_object(text: &str) -> Option<Value> {
    // A few attempts are enough for braces in a sentence before it, and keep hostile text from costing time.
    text.match_indices('{').take(8).find_map(|(start, _)| {
        let mut values = serde_json::Deserializer::from_str(&text[start..]).into_iter::<Value>();
        values.next()?.ok().filter(|value| value.get("reply").is_some() || value.get("query").is_some())
    })
}

fn read_object(object: &Value, triage: bool) -> Result<Step, LlmError> {
    let text = |name: &str| object.get(name).and_then(Value::as_str).map(str::trim).filter(|text| !text.is_empty());
    let line = |text: &str, most| text.chars().filter(|c| !draft::is_hidden(*c)).take(most).collect::<String>();
    let action = match text("action").map_or(Ok(Some(Action::Continue)), action)? {
        Some(action) => action,
        None => {
            let query =
                text("query").map(|query| line(query, MAX_QUERY_CHARS)).filter(|query| !query.trim().is_empty());
            return query.map(Step::Search).ok_or(LlmError::Malformed("a search without a query"));
        }
    };
    let reply = clean_reply(text("reply").unwrap_or_default())?;
    if reply.is_empty() && action != Action::HandOff {
        return Err(LlmError::Malformed("empty reply"));
    }
    let tags = object.get("tags").and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str);
    Ok(Step::Draft(Draft {
        reply,
        action,
        reason: text("reason").map(|reason| line(reason, 500)),
        citations: citations(object.get("citations")),
        subject: text("subject").filter(|_| triage).and_then(draft::subject),
        priority: text("priority").and_then(priority),
        tags: draft::tags(tags),
    }))
}

fn clean_reply(text: &str) -> Result<String, LlmError> {
    if text.chars().count() > MAX_REPLY_CHARS {
        return Err(LlmError::Malformed("endless"));
    }
    // Joiners shape emoji and several scripts, so only control characters go.
    Ok(text.chars().filter(|c| !c.is_control() || matches!(c, '\n' | '\t')).collect::<String>().trim().to_owned())
}

/// The action of this name; `None` is a search. What nobody offered is no action.
fn action(name: &str) -> Result<Option<Action>, LlmError> {
    match name.to_ascii_lowercase().replace(['-', ' '], "_").as_str() {
        "continue" | "answer" | "reply" | "respond" => Ok(Some(Action::Continue)),
        "hand_off" | "handoff" | "escalate" => Ok(Some(Action::HandOff)),
        "clarify" | "ask" => Ok(Some(Action::Clarify)),
        "decline" | "refuse" => Ok(Some(Action::Decline)),
        "resolve" | "resolved" => Ok(Some(Action::Resolve)),
        "search" => Ok(None),
        _ => Err(LlmError::Malformed("an unknown action")),
    }
}

fn priority(name: &str) -> Option<Priority> {
    match name.to_ascii_lowercase().as_str() {
        "low" => Some(Priority::Low),
        "normal" | "medium" => Some(Priority::Normal),
        "high" | "urgent" => Some(Priority::High),
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
        match step(content, true) {
            Err(LlmError::Malformed(why)) => why,
            other => panic!("{other:?}"),
        }
    }

    fn step(content: &str, triage: bool) -> Result<Step, LlmError> {
        let body = serde_json::json!({ "choices": [{ "message": { "content": content } }] });
        read_step(&body, triage)
    }

    fn draft(content: &str) -> Draft {
        match step(content, true) {
            Ok(Step::Draft(draft)) => draft,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn reads_every_field() {
        let content = r#"{"reply":" Hi\u0000 there ","action":"clarify","reason":"why","citations":[2,"[1]",2,0,-1],
            "subject":"Return of\ntea","priority":"HIGH","tags":["Returns","returns"],"extra":1}"#;
        let expected = Draft {
            reply: "Hi there".into(),
            action: Action::Clarify,
            reason: Some("why".into()),
            citations: vec![1, 2],
            subject: Some("Return of tea".into()),
            priority: Some(Priority::High),
            tags: vec!["returns".into()],
        };
        assert_eq!(draft(content), expected);
        let Ok(Step::Draft(untriaged)) = step(content, false) else { panic!("no draft") };
        assert_eq!((untriaged.subject, untriaged.priority), (None, Some(Priority::High)));
    }

    #[test]
    fn finds_the_object_behind_fences_and_words() {
        for content in [
            "```json\n{\"reply\":\"ok\",\"action\":\"hand-off\"}\n```",
            "Sure {as asked}! Here it is: {\"reply\":\"ok\",\"action\":\"HandOff\"} Done.",
            "<think>{\"reply\":\"no\"}</think>\n{\"reply\":\"ok\",\"action\":\"hand_off\"}",
        ] {
            let draft = draft(content);
            assert_eq!((draft.reply.as_str(), draft.action), ("ok", Action::HandOff), "{content}");
        }
    }

    #[test]
    fn plain_text_is_a_reply() {
        assert_eq!(draft("We open at 9:00 {Mon}."), Draft::new("We open at 9:00 {Mon}.", Action::Continue));
        let unknown = draft("I don't know that, sorry.");
        assert_eq!(unknown, Draft::new("I don't know that, sorry.", Action::HandOff));
    }

    #[test]
    fn a_search_needs_a_query() {
        let search = r#"{"reply":"","action":"search","query":" shipping to\u0007 Austria ","citations":[]}"#;
        assert_eq!(step(search, true), Ok(Step::Search("shipping to Austria".into())));
        assert_eq!(malformed(r#"{"reply":"x","action":"search","query":" "}"#), "a search without a query");
    }

    #[test]
    fn what_nobody_offered_is_malformed() {
        assert_eq!(malformed(r#"{"reply":"x","action":"refund","amount":3}"#), "an unknown action");
        for message in [
            serde_json::json!({ "content": null, "tool_calls": [{ "function": { "name": "refund" } }] }),
            serde_json::json!({ "content": "Done!", "function_call": { "name": "refund" } }),
        ] {
            let body = serde_json::json!({ "choices": [{ "message": message, "finish_reason": "tool_calls" }] });
            assert_eq!(read_step(&body, true), Err(LlmError::Malformed("it calls tools that it does not have")));
        }
        let none = serde_json::json!({ "choices": [{ "message": { "content": "Hi", "tool_calls": [] } }] });
        assert_eq!(read_text(&none).as_deref(), Ok("Hi"));
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
        let draft = draft("{\"reply\":\"\",\"action\":\"hand_off\",\"reason\":\"angry\"}");
        assert_eq!(draft, Draft::hand_off("", "angry"));
    }

    proptest::proptest! {
        #[test]
        fn any_content_is_a_draft_or_malformed(content in "(\\PC|\\{|\"reply\":|\"|\\}|```|\n){0,60}") {
            if let Ok(Step::Draft(draft)) = step(&content, true) {
                proptest::prop_assert!(!draft.reply.is_empty() || draft.action == Action::HandOff);
                proptest::prop_assert!(!draft.reply.contains("\"reply\""));
            }
        }
    }
}
