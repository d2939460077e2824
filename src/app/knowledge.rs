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
    let meaning = if has_folder { meaning(config)? } else { None };
    let mut shelves = HashMap::new();
    for (index, desk) in config.desk.iter().enumerate() {
        let Some(folder) = &desk.knowledge else { continue };
        let cache = config.knowledge.cache.join(format!("{}.vectors", desk.name));
        let meaning = meaning.clone().map(|meaning| Meaning { cache: Some(cache), ..meaning });
        let shelf = Shelf::open(folder, meaning).with_context(|| format!("desk[{index}].knowledge"))?;
        tracing::info!(
            desk.name = desk.name,
            pages = shelf.current().pages().len(),
            embeddings = shelf.has_meaning(),
            "knowledge is loaded"
        );
        shelves.insert(desk.name.clone(), shelf);
    }
    Ok(Library::new(shelves))
}

/// How pages are compared by meaning, if they are; nothing is kept on disk yet.
///
/// # Errors
/// When the weights or the endpoint are unusable, with the key.
pub fn meaning(config: &Config) -> anyhow::Result<Option<Meaning>> {
    let similarity = config.knowledge.similarity.unwrap_or(SIMILARITY);
    Ok(embedder(config)?.map(|embedder| Meaning { embedder: Arc::new(embedder), similarity, cache: None }))
}

/// What compares by meaning, if anything does.
///
/// # Errors
/// When its weights or its endpoint are unusable, with the key.
fn embedder(config: &Config) -> anyhow::Result<Option<Embedder>> {
    let folder = &config.knowledge.model;
    match config.knowledge.embeddings {
        Embeddings::Off => return Ok(None),
        Embeddings::Auto if !LocalModel::is_there(folder) => return Ok(None),
        Embeddings::Auto | Embeddings::Local => {
            let model = LocalModel::load(folder).context("the model of embeddings (knowledge.model)")?;
            let other = Some(&config.knowledge.multilingual_model).filter(|folder| LocalModel::is_there(folder));
            let other = other.map(|folder| LocalModel::load(folder)).transpose();
            let other = other.context("the other model of embeddings (knowledge.multilingual_model)")?;
            return Ok(Some(Embedder::local(model, other)));
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
