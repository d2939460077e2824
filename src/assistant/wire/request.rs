//! A request, in the part of the API that every server knows.

use serde::{Serialize, Serializer, ser::SerializeMap};
use serde_json::{Value, json};

use super::super::{draft::MAX_TAGS, llm::Structure, prompt::ChatMessage};

#[derive(Serialize)]
pub(in super::super) struct Request<'a> {
    pub(in super::super) model: &'a str,
    pub(in super::super) messages: &'a [ChatMessage],
    pub(in super::super) stream: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(in super::super) stream_options: Option<StreamOptions>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(in super::super) temperature: Option<f32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(in super::super) max_tokens: Option<u32>,
    /// The newer name of the same.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(in super::super) max_completion_tokens: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(in super::super) response_format: Option<ResponseFormat>,
}

/// What else a stream is to bring.
#[derive(Serialize)]
pub(in super::super) struct StreamOptions {
    /// What it cost, in a piece of its own at the end.
    pub(in super::super) include_usage: bool,
}

/// What an answer has to look like.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Form {
    /// Plain text.
    #[default]
    Text,
    /// A draft.
    Draft {
        /// With a subject.
        triage: bool,
        /// The model may look into the knowledge once more instead.
        search: bool,
        /// How many passages it may cite.
        passages: usize,
    },
}

#[derive(Serialize)]
pub(in super::super) struct ResponseFormat {
    r#type: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    json_schema: Option<JsonSchema>,
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

/// The form, as an endpoint of this kind is asked for it.
pub(in super::super) fn response_format(form: Form, structure: Structure) -> Option<ResponseFormat> {
    let Form::Draft { triage, search, passages } = form else { return None };
    match structure {
        Structure::Schema => {
            let schema = schema(triage, search, passages);
            let json_schema = Some(JsonSchema { name: "draft", strict: true, schema });
            Some(ResponseFormat { r#type: "json_schema", json_schema })
        }
        Structure::Object => Some(ResponseFormat { r#type: "json_object", json_schema: None }),
        Structure::Prompt => None,
    }
}

fn schema(triage: bool, search: bool, passages: usize) -> Schema {
    let mut actions = vec!["continue", "clarify", "decline", "hand_off", "resolve"];
    let text = || json!({ "type": "string" });
    let mut properties = vec![("reply", text())];
    if search {
        actions.push("search");
    }
    properties.push(("action", json!({ "type": "string", "enum": actions })));
    if search {
        properties.push(("query", text()));
    }
    properties.push(("reason", text()));
    // Bounded, because a small model that follows the grammar would count on until its tokens are used up.
    properties
        .push(("citations", json!({ "type": "array", "items": { "type": "integer" }, "maxItems": passages.max(1) })));
    if triage {
        properties.push(("subject", text()));
    }
    properties.push(("priority", json!({ "type": "string", "enum": ["low", "normal", "high"] })));
    // Some endpoints refuse a schema with a length in it.
    properties.push(("tags", json!({ "type": "array", "items": text(), "maxItems": MAX_TAGS })));
    // Strict mode wants every property required and no other allowed.
    let required = properties.iter().map(|(name, _)| *name).collect();
    Schema { r#type: "object", properties: Properties(properties), required, additional_properties: false }
}
