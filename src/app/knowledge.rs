//! From `[knowledge]` and the desks' folders to a library.

use std::{collections::HashMap, sync::Arc};

use anyhow::Context;

use crate::{
    config::{Config, Embeddings},
    knowledge::{Embedder, Endpoint, EndpointSettings, Library, LocalModel, Meaning, SIMILARITY, Shelf},
};

/// What the desks know, as their folders are now.
///
/// # Errors
/// When a folder or the model of embeddings is unusable, with the key.
pub fn library(config: &Config) -> anyhow::Result<Library> {
    let has_folder = config.desk.iter().any(|desk| desk.knowledge.is_some());
    // A model that nobody asks would only take memory.
    let embedder = if has_folder { embedder(config)?.map(Arc::new) } else { None };
    let mut shelves = HashMap::new();
    for (index, desk) in config.desk.iter().enumerate() {
        let Some(folder) = &desk.knowledge else { continue };
        let meaning = embedder.as_ref().map(|embedder| Meaning {
            embedder: Arc::clone(embedder),
            similarity: config.knowledge.similarity.unwrap_or(SIMILARITY),
            cache: config.knowledge.cache.join(format!("{}.vectors", desk.name)),
        });
        let shelf = Shelf::open(folder, meaning).with_context(|| format!("desk[{index}].knowledge"))?;
        tracing::info!(
            desk.name = desk.name,
            pages = shelf.current().pages().len(),
            embeddings = embedder.is_some(),
            "knowledge is loaded"
        );
        shelves.insert(desk.name.clone(), shelf);
    }
    Ok(Library::new(shelves))
}

/// What compares by meaning, if anything does.
///
/// # Errors
/// When its weights or its endpoint are unusable, with the key.
pub fn embedder(config: &Config) -> anyhow::Result<Option<Embedder>> {
    let folder = &config.knowledge.model;
    match config.knowledge.embeddings {
        Embeddings::Off => return Ok(None),
        Embeddings::Auto if !LocalModel::is_there(folder) => return Ok(None),
        Embeddings::Auto | Embeddings::Local => {
            let model = LocalModel::load(folder).context("the model of embeddings (knowledge.model)")?;
            return Ok(Some(Embedder::local(model)));
        }
        Embeddings::Endpoint => {}
    }
    let Some(endpoint) = config.embeddings_endpoint()? else { return Ok(None) };
    let settings = EndpointSettings {
        base_url: endpoint.base_url,
        api_key: endpoint.api_key.map(|key| key.expose().to_owned()),
        model: endpoint.model,
    };
    let endpoint = Endpoint::new(&settings)
        .context("the endpoint of embeddings is unusable (knowledge.base_url, knowledge.api_key)")?;
    Ok(Some(Embedder::endpoint(endpoint)))
}
