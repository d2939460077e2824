//! `[knowledge]`: how the desks' folders are searched.

use std::path::PathBuf;

use serde::Deserialize;

use super::{Config, Error, Secret, value::optional_share};

/// `[knowledge]`.
#[derive(Clone, Debug, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Knowledge {
    /// What compares questions and passages by meaning.
    pub embeddings: Embeddings,
    /// The folder with the weights of the local model.
    pub model: PathBuf,
    /// The folder with the weights of another local model, for questions that the first finds nothing near; none if it is not there.
    pub multilingual_model: PathBuf,
    /// The folder that embeddings are kept in.
    pub cache: PathBuf,
    /// The cosine that makes an answer of a passage; without it, what was measured for the model of `make model`.
    #[serde(deserialize_with = "optional_share")]
    pub similarity: Option<f32>,
    /// The endpoint; the assistant's first one without it.
    pub base_url: Option<String>,
    /// The endpoint's key; the assistant's at the assistant's endpoint.
    pub api_key: Option<Secret>,
    /// The embedding model's name at the endpoint.
    pub endpoint_model: Option<String>,
}

/// What compares questions and passages by meaning.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Embeddings {
    /// The local model if its weights are there, else nothing.
    #[default]
    Auto,
    /// Nothing: words alone are compared.
    Off,
    /// The local model.
    Local,
    /// An endpoint.
    Endpoint,
}

/// The endpoint of embeddings, checked.
#[derive(Clone, Debug)]
pub struct EmbeddingsEndpoint {
    /// Up to and with the version, such as `…/v1`.
    pub base_url: String,
    /// Its key, if it wants one.
    pub api_key: Option<Secret>,
    /// The embedding model's name.
    pub model: String,
}

impl Default for Knowledge {
    fn default() -> Self {
        Self {
            embeddings: Embeddings::default(),
            model: PathBuf::from("data/models/minilm"),
            multilingual_model: PathBuf::from("data/models/universal"),
            cache: PathBuf::from("data/knowledge"),
            similarity: None,
            base_url: None,
            api_key: None,
            endpoint_model: None,
        }
    }
}

impl Config {
    /// The endpoint of embeddings, if one is to be asked.
    ///
    /// # Errors
    /// [`Error`] when its address is no URL, or it or the model's name is missing.
    pub fn embeddings_endpoint(&self) -> Result<Option<EmbeddingsEndpoint>, Error> {
        let knowledge = &self.knowledge;
        if knowledge.embeddings != Embeddings::Endpoint {
            return Ok(None);
        }
        let model = knowledge.endpoint_model.as_deref().map(str::trim).filter(|model| !model.is_empty());
        let model = model.ok_or_else(|| Error::missing("knowledge.endpoint_model"))?.to_owned();
        let own =
            knowledge.base_url.as_deref().map(|url| url.trim().trim_end_matches('/')).filter(|url| !url.is_empty());
        let assistants = self.endpoints()?.into_iter().next();
        let shared = assistants.as_ref().map(|endpoint| endpoint.base_url.as_str());
        let base_url = own.or(shared).ok_or_else(|| Error::missing("knowledge.base_url"))?.to_owned();
        if !base_url.starts_with("http://") && !base_url.starts_with("https://") {
            return Err(Error::key("knowledge.base_url", "must start with http:// or https://"));
        }
        let api_key = match &knowledge.api_key {
            Some(key) => Some(key.clone()),
            // The assistant's key is nobody else's business.
            None if own.is_none() || own == shared => assistants.and_then(|endpoint| endpoint.api_key),
            None => None,
        };
        Ok(Some(EmbeddingsEndpoint { base_url, api_key, model }))
    }
}

#[cfg(test)]
mod tests {
    use crate::config::tests::{complaint, parse};

    #[test]
    fn the_assistants_endpoint_is_the_default_and_its_key_goes_nowhere_else() {
        let assistant = "[assistant]\nbase_url = \"http://a.example/v1/\"\nmodel = \"m\"\napi_key = \"k\"\n";
        let endpoint = |knowledge: &str| {
            let text =
                format!("{assistant}[knowledge]\nembeddings = \"endpoint\"\nendpoint_model = \"e\"\n{knowledge}");
            let endpoint = parse(&text, &[]).unwrap().embeddings_endpoint().unwrap().unwrap();
            (endpoint.base_url, endpoint.api_key.map(|key| key.expose().to_owned()))
        };
        assert_eq!(endpoint(""), ("http://a.example/v1".into(), Some("k".into())));
        assert_eq!(endpoint("base_url = \"http://b.example\""), ("http://b.example".into(), None));
        assert_eq!(
            endpoint("base_url = \"http://b.example\"\napi_key = \"own\""),
            ("http://b.example".into(), Some("own".into()))
        );
        assert!(parse(assistant, &[]).unwrap().embeddings_endpoint().unwrap().is_none());
    }

    #[test]
    fn what_an_endpoint_needs_is_asked_for_by_name() {
        let endpoint = "[knowledge]\nembeddings = \"endpoint\"\n";
        assert!(complaint(endpoint, &[]).contains("knowledge.endpoint_model"));
        let named = format!("{endpoint}endpoint_model = \"e\"\n");
        assert!(complaint(&named, &[]).contains("knowledge.base_url"));
        assert!(complaint(&format!("{named}base_url = \"b.example\""), &[]).contains("knowledge.base_url"));
        assert!(complaint("[knowledge]\nembeddings = \"yes\"", &[]).contains("knowledge.embeddings"));
        for similarity in ["2", "-0.1", "\"much\"", "nan"] {
            let message = complaint(&format!("[knowledge]\nsimilarity = {similarity}"), &[]);
            assert!(message.contains("knowledge.similarity"), "{message}");
        }
        let vars = [("DESKBRIDGE_KNOWLEDGE__SIMILARITY", "0.5")];
        assert_eq!(parse("", &vars).unwrap().knowledge.similarity, Some(0.5));
    }
}
