//! Embeddings from an endpoint, and what happens without its answer.

use std::{
    fs,
    sync::atomic::{AtomicUsize, Ordering::SeqCst},
};

use axum::{Json, Router, extract::State, http::StatusCode, response::IntoResponse, routing::post};
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::{net::TcpListener, task::JoinHandle};

use super::*;

/// An endpoint that knows two meanings: tea, and the rest. Its model's name says how it behaves.
struct Server {
    address: String,
    requests: Arc<AtomicUsize>,
    task: JoinHandle<()>,
}

impl Drop for Server {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Server {
    async fn start() -> Self {
        let _ = rustls::crypto::ring::default_provider().install_default();
        let requests = Arc::new(AtomicUsize::new(0));
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = format!("http://{}/v1", listener.local_addr().unwrap());
        let router = Router::new().route("/v1/embeddings", post(embed)).with_state(Arc::clone(&requests));
        let task = tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
        Self { address, requests, task }
    }

    fn embedder(&self, model: &str) -> Embedder {
        let settings = EndpointSettings {
            base_url: format!("{}/ ", self.address),
            api_key: Some("key\n".into()),
            model: model.into(),
        };
        Embedder::endpoint(Endpoint::new(&settings).unwrap())
    }

    fn shelf(&self, folder: &TempDir, model: &str) -> Shelf {
        let cache = folder.path().join(".vectors");
        let meaning = Meaning { embedder: Arc::new(self.embedder(model)), similarity: 0.3, cache: Some(cache) };
        Shelf::open(folder.path(), Some(meaning)).unwrap()
    }
}

async fn embed(State(requests): State<Arc<AtomicUsize>>, Json(asked): Json<Value>) -> impl IntoResponse {
    requests.fetch_add(1, SeqCst);
    let texts = asked["input"].as_array().unwrap();
    let vector = |text: &Value| {
        let is_tea = ["leaves", "brew"].iter().any(|word| text.as_str().unwrap().contains(word));
        if is_tea { json!([3.0, 0.0]) } else { json!([0.0, 2.0]) }
    };
    // Backwards: the index counts. Without `usage`, `object` and the like.
    let items = texts.iter().enumerate().map(|(index, text)| json!({ "index": index, "embedding": vector(text) }));
    let data: Vec<Value> = items.rev().collect();
    match asked["model"].as_str().unwrap() {
        "good" => Json(json!({ "data": data })).into_response(),
        "few" => Json(json!({ "data": [] })).into_response(),
        "zero" => Json(json!({ "data": texts.iter().map(|_| json!({ "embedding": [0.0, 0.0] })).collect::<Vec<_>>() }))
            .into_response(),
        "refuses" => (StatusCode::BAD_REQUEST, "no such model").into_response(),
        other => panic!("{other}"),
    }
}

fn folder() -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("brewing.md"), "# Brewing\n\nHow to brew.").unwrap();
    fs::write(folder.path().join("shop.md"), "# Shop\n\nOpen on Monday.").unwrap();
    folder
}

#[tokio::test]
async fn what_the_endpoint_says_is_kept_and_compared() {
    let (server, folder) = (Server::start().await, folder());
    let shelf = server.shelf(&folder, "good");
    assert!(!shelf.current().has_vectors());
    assert_eq!(shelf.embed(|_, _| ()).await.unwrap(), Synced { embedded: 2, kept: 0, dropped: 0 });
    let results = shelf.search("What about these leaves?", Audience::Customer, 1).await;
    assert!(results.found);
    assert_eq!(results.hits[0].passage.page, "brewing.md");
    assert_eq!(results.hits[0].similarity, Some(1.0));
    assert_eq!(server.requests.load(SeqCst), 2);

    // Only what is new is asked for, and what is gone is forgotten; by meaning again once all is there.
    fs::remove_file(folder.path().join("shop.md")).unwrap();
    fs::write(folder.path().join("new.md"), "# New\n\nPage.").unwrap();
    shelf.reload().await.unwrap();
    assert!(!shelf.current().has_vectors());
    assert_eq!(shelf.embed(|_, _| ()).await.unwrap(), Synced { embedded: 1, kept: 1, dropped: 1 });
    assert!(shelf.current().has_vectors());

    // Another process finds it on disk; another model's are not its own.
    assert!(server.shelf(&folder, "good").current().has_vectors());
    assert!(!server.shelf(&folder, "few").current().has_vectors());
    assert_eq!(server.requests.load(SeqCst), 3);
}

#[tokio::test]
async fn other_pages_on_a_shelf_share_the_vectors_of_those_it_had() {
    let (server, folder) = (Server::start().await, folder());
    let shelf = server.shelf(&folder, "good");
    shelf.embed(|_, _| ()).await.unwrap();
    let kept = shelf.current().passages(Audience::Customer)[0].clone();
    let own = Knowledge::cut("own.md", "# Harvest\n\nOf leaves.").unwrap();
    let other = shelf.instead(&Knowledge::from_passages([(*kept).clone()].into_iter().chain(own).collect()));
    assert!(!other.current().has_vectors());
    assert_eq!(other.embed(|_, _| ()).await.unwrap(), Synced { embedded: 1, kept: 1, dropped: 1 });
    let results = other.search("What about these leaves?", Audience::Customer, 9).await;
    assert_eq!(results.hits.iter().map(|hit| hit.similarity).collect::<Vec<_>>(), [Some(1.0), Some(1.0)]);
    // The first keeps what it had, in memory and on disk.
    assert!(shelf.current().has_vectors());
    assert!(server.shelf(&folder, "good").current().has_vectors());
}

#[tokio::test]
async fn without_an_answer_words_have_to_do() {
    let (server, folder) = (Server::start().await, folder());
    for model in ["few", "zero", "refuses"] {
        let shelf = server.shelf(&folder, model);
        shelf.embed(|_, _| ()).await.unwrap_err();
        let results = shelf.search("brew", Audience::Customer, 1).await;
        assert!(results.found && results.hits[0].similarity.is_none(), "{model}");
    }

    let shelf = server.shelf(&folder, "good");
    shelf.embed(|_, _| ()).await.unwrap();
    drop(server);
    for _ in 0..3 {
        let results = shelf.search("brew", Audience::Customer, 1).await;
        assert!(results.found && results.hits[0].similarity.is_none());
    }
}

#[tokio::test]
async fn an_endpoint_that_failed_is_left_alone_for_a_while() {
    let server = Server::start().await;
    let embedder = server.embedder("refuses");
    for _ in 0..3 {
        assert!(embedder.question("brew").await.is_none());
    }
    assert_eq!(server.requests.load(SeqCst), 1);
}

#[test]
fn settings_that_cannot_work_are_refused() {
    let new = |base_url: &str, key: &str, model: &str| {
        let settings = EndpointSettings { base_url: base_url.into(), api_key: Some(key.into()), model: model.into() };
        Endpoint::new(&settings).unwrap_err().to_string()
    };
    assert!(new("ftp://a.example", "", "m").contains("base_url"));
    assert!(new("nowhere", "", "m").contains("base_url"));
    assert!(new("http://a.example", "a\nb", "m").contains("api_key"));
    assert!(new("http://a.example", "", " ").contains("endpoint_model"));
}
