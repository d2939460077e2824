//! How long a large knowledge folder takes to index and to search, and what it takes in memory.
//!
//! The pages are made up, of words as frequent as in a language, so that they share the common ones and differ in the rare ones.

use std::{
    fs,
    path::{Path, PathBuf},
    sync::Arc,
    time::{Duration, Instant},
};

use anyhow::Context;
use axum::{Json, Router, routing::post};
use clap::Args;
use deskbridge::knowledge::{
    Asked, Audience, Embedder, Endpoint, EndpointSettings, LocalModel, Meaning, SIMILARITY, Shelf,
};
use serde::Serialize;
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio_util::task::AbortOnDropHandle;

/// Words of the made-up language.
const WORDS: usize = 20_000;
/// Words of a passage.
const LENGTH: usize = 60;
/// Passages of a page.
const SECTIONS: usize = 10;
/// Passages that the model itself embeds.
const FEW: usize = 100;
/// The numbers of all-MiniLM-L6-v2's vectors.
const NUMBERS: usize = 384;
/// Those of the multilingual Universal Sentence Encoder.
const OTHER_NUMBERS: usize = 512;
/// Words of a question.
const QUESTION: usize = 8;

#[derive(Args)]
pub struct Options {
    /// Passages in the folder.
    #[arg(long, default_value_t = 10_000)]
    passages: usize,
    /// Searches that are timed.
    #[arg(long, default_value_t = 300)]
    searches: usize,
    /// The folder of the model of embeddings; without one, words alone.
    #[arg(long)]
    model: Option<PathBuf>,
    /// The folder of the multilingual one.
    #[arg(long)]
    multilingual_model: Option<PathBuf>,
    /// A folder to work in.
    #[arg(long)]
    folder: PathBuf,
}

#[derive(Serialize)]
struct Figures {
    passages: usize,
    /// Reading, cutting and indexing the folder.
    index_seconds: f64,
    index_mib: f64,
    words_p50_ms: f64,
    words_p99_ms: f64,
    meaning: Option<Meant>,
}

/// With vectors.
#[derive(Serialize)]
struct Meant {
    vectors_mib: f64,
    /// Without the question's own embedding. Nothing is near, so that both models' vectors are compared.
    search_p50_ms: f64,
    search_p99_ms: f64,
    model_mib: f64,
    embed_passage_ms: f64,
    /// A question's embedding, and the search of few passages.
    question_p50_ms: f64,
    question_p99_ms: f64,
}

/// Measures, and prints one line of JSON.
#[expect(clippy::print_stdout, reason = "the line is the program's result")]
pub async fn knowledge(options: Options) -> anyhow::Result<()> {
    let _ = rustls::crypto::ring::default_provider().install_default();
    let pages = options.folder.join("pages");
    write(&pages, options.passages)?;
    let questions: Vec<String> = {
        let mut random = Random(2);
        (0..options.searches).map(|_| text(&mut random, QUESTION)).collect()
    };

    let before = resident_mib()?;
    let began = Instant::now();
    let shelf = Shelf::open(&pages, None)?;
    let index_seconds = began.elapsed().as_secs_f64();
    let index_mib = resident_mib()? - before;
    let passages = shelf.current().passages(Audience::Agent).len();
    let (words_p50_ms, words_p99_ms) = time(&shelf, &questions).await;
    drop(shelf);

    let meaning = match &options.model {
        Some(model) => Some(meant(&options, &pages, model, &questions).await?),
        None => None,
    };
    let figures = Figures { passages, index_seconds, index_mib, words_p50_ms, words_p99_ms, meaning };
    println!("{}", serde_json::to_string(&figures)?);
    Ok(())
}

/// Vectors of all passages come from an endpoint that invents them: a model would take half an hour for them.
async fn meant(options: &Options, pages: &Path, model: &Path, questions: &[String]) -> anyhow::Result<Meant> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let base_url = format!("http://{}/v1", listener.local_addr()?);
    let router = Router::new().route("/v1/embeddings", post(invent));
    let server = AbortOnDropHandle::new(tokio::spawn(async move { axum::serve(listener, router).await }));
    let settings = EndpointSettings { base_url, api_key: None, model: "invented".to_owned() };
    let shelf = open(options, pages, Embedder::endpoint(Endpoint::new(&settings)?), "invented")?;
    let before = resident_mib()?;
    shelf.embed(|_, _| ()).await?;
    let vectors_mib = resident_mib()? - before;
    let knowledge = shelf.current();
    anyhow::ensure!(knowledge.has_vectors(), "not every passage has a vector");
    let searches = questions.iter().map(|question| {
        let vector = direction(question);
        let began = Instant::now();
        let (own, other) = vector.split_at(NUMBERS);
        let asked = Asked { vector: own, other, similarity: SIMILARITY };
        assert!(!knowledge.search(question, Audience::Customer, 3, Some(asked)).hits.is_empty(), "nothing is found");
        began.elapsed()
    });
    let (search_p50_ms, search_p99_ms) = percentiles(searches.collect());
    drop((server, knowledge, shelf));

    // The model itself, on few passages: what is left of a search then is the question's embedding.
    let few = options.folder.join("few");
    write(&few, FEW)?;
    let before = resident_mib()?;
    let other = options.multilingual_model.as_deref().map(LocalModel::load).transpose()?;
    let shelf = open(options, &few, Embedder::local(LocalModel::load(model)?, other), "few")?;
    let model_mib = resident_mib()? - before;
    let began = Instant::now();
    let synced = shelf.embed(|_, _| ()).await?;
    let embed_passage_ms = began.elapsed().as_secs_f64() * 1000.0 / synced.embedded.max(1) as f64;
    let (question_p50_ms, question_p99_ms) = time(&shelf, questions).await;
    Ok(Meant {
        vectors_mib,
        search_p50_ms,
        search_p99_ms,
        model_mib,
        embed_passage_ms,
        question_p50_ms,
        question_p99_ms,
    })
}

/// A shelf whose vectors are made anew.
fn open(options: &Options, pages: &Path, embedder: Embedder, cache: &str) -> anyhow::Result<Shelf> {
    let cache = options.folder.join(format!("{cache}.vectors"));
    if cache.exists() {
        fs::remove_file(&cache)?;
    }
    let meaning = Meaning { embedder: Arc::new(embedder), similarity: SIMILARITY, cache: Some(cache) };
    Ok(Shelf::open(pages, Some(meaning))?)
}

async fn invent(Json(asked): Json<Value>) -> Json<Value> {
    let texts = asked["input"].as_array().into_iter().flatten();
    let vectors = texts.map(|text| json!({ "embedding": direction(text.as_str().unwrap_or_default()) }));
    Json(json!({ "data": vectors.collect::<Vec<_>>() }))
}

/// Some direction for each text, as long as the vectors of both models.
fn direction(text: &str) -> Vec<f32> {
    let mut random = Random(text.bytes().fold(1, |sum, byte| sum * 31 % 1_000_003 + u64::from(byte)));
    let raw: Vec<f32> = (0..NUMBERS + OTHER_NUMBERS).map(|_| random.share() as f32 - 0.5).collect();
    let length = raw.iter().map(|x| x * x).sum::<f32>().sqrt();
    raw.into_iter().map(|x| x / length).collect()
}

/// What a search as a caller sees it takes.
async fn time(shelf: &Shelf, questions: &[String]) -> (f64, f64) {
    let mut spans = Vec::with_capacity(questions.len());
    for question in questions {
        let began = Instant::now();
        shelf.search(question, Audience::Customer, 3).await;
        spans.push(began.elapsed());
    }
    percentiles(spans)
}

fn percentiles(mut spans: Vec<Duration>) -> (f64, f64) {
    spans.sort_unstable();
    let at = |share: usize| spans.get((spans.len() * share / 100).min(spans.len().saturating_sub(1)));
    let ms = |share| at(share).map_or(0.0, |span| span.as_secs_f64() * 1000.0);
    (ms(50), ms(99))
}

fn write(folder: &Path, passages: usize) -> anyhow::Result<()> {
    fs::create_dir_all(folder)?;
    let mut random = Random(1);
    for page in 0..passages.div_ceil(SECTIONS) {
        let mut source = format!("---\ntitle: {}\n---\n", text(&mut random, 3));
        for _ in 0..SECTIONS.min(passages - page * SECTIONS) {
            source += &format!("\n## {}\n\n{}.\n", text(&mut random, 4), text(&mut random, LENGTH));
        }
        fs::write(folder.join(format!("{page:05}.md")), source)?;
    }
    Ok(())
}

/// The same numbers in every run (Knuth's MMIX generator).
struct Random(u64);

impl Random {
    /// From 0 to 1.
    fn share(&mut self) -> f64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 11) as f64 / (1_u64 << 53) as f64
    }
}

/// Words by Zipf's law: the n-th is half as frequent as the one half as far down.
fn text(random: &mut Random, words: usize) -> String {
    let word = |random: &mut Random| {
        let rank = (WORDS as f64).powf(random.share()) as usize;
        // Letters, so that no tokenizer takes it for a number; ten of them to a digit.
        rank.to_string().bytes().map(|digit| char::from(b'k' + digit - b'0')).collect::<String>() + "a"
    };
    (0..words).map(|_| word(random)).collect::<Vec<_>>().join(" ")
}

fn resident_mib() -> anyhow::Result<f64> {
    let status = fs::read_to_string("/proc/self/status")?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).context("no VmRSS in /proc/self/status")?;
    let kib: f64 = line.trim().trim_end_matches("kB").trim().parse()?;
    Ok(kib / 1024.0)
}
