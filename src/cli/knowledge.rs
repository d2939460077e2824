//! `deskbridge knowledge`: what desks know, from the command line.
#![expect(clippy::print_stdout, clippy::print_stderr, reason = "a command's answer belongs on standard output")]

use std::{fs, path::PathBuf, process::ExitCode};

use anyhow::Context;
use clap::{Subcommand, ValueEnum};
use serde_json::json;

use crate::{
    app,
    config::Config,
    knowledge::{Audience, Library, Question, Shelf, Tally, measure},
};

/// What to do with the knowledge.
#[derive(Debug, Subcommand)]
pub enum KnowledgeCommand {
    /// Embed what is new, and say what changed
    ///
    /// `serve` does the same by itself, also while it runs; this is for a large folder, before the start.
    Sync,
    /// List the pages, and the files that were left out, with the reason
    List {
        /// Of this desk only
        #[arg(long, value_name = "NAME")]
        desk: Option<String>,
    },
    /// Search as the assistant does
    Search(SearchArgs),
    /// Count how well labelled questions are answered
    ///
    /// FILE is JSON: [{"question": "…", "page": "returns.md" or null, "class": "…", "split": "…"}, …]; class and split
    /// may be missing. Try several values of knowledge.similarity by DESKBRIDGE_KNOWLEDGE__SIMILARITY.
    Measure {
        /// The questions
        file: PathBuf,
        /// The desk [default: the only one with a folder]
        #[arg(long, value_name = "NAME")]
        desk: Option<String>,
    },
}

/// What to search.
#[derive(Debug, clap::Args)]
pub struct SearchArgs {
    /// The question
    pub query: String,
    /// The desk [default: the only one with a folder]
    #[arg(long, value_name = "NAME")]
    pub desk: Option<String>,
    /// As whom: agents find pages that customers do not
    #[arg(long, default_value = "customer")]
    pub audience: AudienceArg,
    /// The most hits
    #[arg(long, default_value_t = 3, value_parser = clap::value_parser!(u16).range(1..=100))]
    pub limit: u16,
    /// JSON instead of text
    #[arg(long)]
    pub json: bool,
}

/// Audiences as the command line spells them.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub enum AudienceArg {
    /// A customer
    Customer,
    /// An agent of the desk
    Agent,
}

/// Does it.
///
/// # Errors
/// When a folder, the model of embeddings or a file is unusable.
pub(super) async fn run(config: &Config, command: KnowledgeCommand) -> anyhow::Result<ExitCode> {
    let library = app::library(config)?;
    match command {
        KnowledgeCommand::Sync => {
            for (desk, shelf) in shelves(config, &library, None)? {
                sync(desk, shelf).await?;
            }
        }
        KnowledgeCommand::List { desk } => {
            for (desk, shelf) in shelves(config, &library, desk.as_deref())? {
                list(desk, shelf);
            }
        }
        KnowledgeCommand::Search(args) => {
            let (desk, shelf) = one(config, &library, args.desk.as_deref())?;
            embed(desk, shelf).await;
            return search(shelf, &args).await;
        }
        KnowledgeCommand::Measure { file, desk } => {
            let (desk, shelf) = one(config, &library, desk.as_deref())?;
            let text = fs::read_to_string(&file).with_context(|| format!("cannot read {}", file.display()))?;
            let questions: Vec<Question> =
                serde_json::from_str(&text).with_context(|| format!("{} holds no questions", file.display()))?;
            embed(desk, shelf).await;
            print(shelf, &questions).await;
        }
    }
    Ok(ExitCode::SUCCESS)
}

/// The desks with a folder, in the configuration's order, or the one that is named.
fn shelves<'a>(
    config: &'a Config,
    library: &'a Library,
    desk: Option<&str>,
) -> anyhow::Result<Vec<(&'a str, &'a Shelf)>> {
    let wanted = config.desk.iter().filter(|known| desk.is_none_or(|name| name == known.name));
    let shelves: Vec<_> = wanted.filter_map(|desk| Some((desk.name.as_str(), library.shelf(&desk.name)?))).collect();
    match desk {
        Some(name) if shelves.is_empty() => anyhow::bail!("there is no desk '{name}' with a knowledge folder"),
        None if shelves.is_empty() => anyhow::bail!("no desk has a knowledge folder (desk.knowledge)"),
        _ => Ok(shelves),
    }
}

fn one<'a>(config: &'a Config, library: &'a Library, desk: Option<&str>) -> anyhow::Result<(&'a str, &'a Shelf)> {
    let shelves = shelves(config, library, desk)?;
    match shelves[..] {
        [shelf] => Ok(shelf),
        _ => anyhow::bail!("several desks have a knowledge folder: name one with --desk"),
    }
}

async fn sync(desk: &str, shelf: &Shelf) -> anyhow::Result<()> {
    let synced = shelf.embed(|done, all| eprintln!("{desk}: {done} of {all} passages are embedded")).await;
    let synced = synced.with_context(|| format!("{desk}: the passages could not be embedded"))?;
    let knowledge = shelf.current();
    let passages = knowledge.passages(Audience::Agent).len();
    let meaning = if knowledge.has_vectors() {
        format!("{} embedded, {} as before, {} dropped", synced.embedded, synced.kept, synced.dropped)
    } else {
        "searched by words alone".to_owned()
    };
    println!(
        "{desk}: {} pages, {passages} passages; {meaning}; {} left out",
        knowledge.pages().len(),
        knowledge.skipped().len()
    );
    left_out(shelf);
    Ok(())
}

fn left_out(shelf: &Shelf) {
    for skipped in shelf.current().skipped() {
        println!("  left out: {} {}", skipped.page, skipped.reason);
    }
}

fn list(desk: &str, shelf: &Shelf) {
    println!("{desk}: {}", shelf.folder().map(|folder| folder.display().to_string()).unwrap_or_default());
    for page in shelf.current().pages() {
        let language = page.language.as_deref().map(|language| format!(", {language}")).unwrap_or_default();
        let url = page.url.as_deref().map(|url| format!("  {url}")).unwrap_or_default();
        println!(
            "  {:<32} {:<9} {:>3} passages  {}{language}{url}",
            page.path,
            page.audience.as_str(),
            page.passages,
            page.title
        );
    }
    left_out(shelf);
}

/// A search can do without, so a failure is said and no more.
async fn embed(desk: &str, shelf: &Shelf) {
    if let Err(error) = shelf.embed(|done, all| eprintln!("{desk}: {done} of {all} passages are embedded")).await {
        eprintln!("{desk}: words alone are searched: the passages could not be embedded: {error}");
    }
}

async fn search(shelf: &Shelf, args: &SearchArgs) -> anyhow::Result<ExitCode> {
    let audience = match args.audience {
        AudienceArg::Customer => Audience::Customer,
        AudienceArg::Agent => Audience::Agent,
    };
    let results = shelf.search(&args.query, audience, args.limit.into()).await;
    if args.json {
        let hits: Vec<_> = results
            .hits
            .iter()
            .map(|hit| {
                json!({
                    "path": hit.passage.page,
                    "title": hit.passage.title,
                    "url": hit.passage.url,
                    "text": hit.passage.text,
                    "score": hit.score,
                    "similarity": hit.similarity,
                    "coverage": hit.coverage,
                })
            })
            .collect();
        println!("{}", serde_json::to_string_pretty(&json!({ "found": results.found, "hits": hits }))?);
        return Ok(ExitCode::SUCCESS);
    }
    println!("{}", if results.found { "found" } else { "not found: the assistant would not answer from this" });
    for hit in &results.hits {
        let similarity = hit.similarity.map(|cosine| format!("similarity {cosine:.2}, ")).unwrap_or_default();
        println!("\n{similarity}words {:.2}  {}  {}", hit.coverage, hit.passage.page, hit.passage.title);
        for line in hit.passage.text.lines() {
            println!("  {line}");
        }
    }
    Ok(ExitCode::SUCCESS)
}

async fn print(shelf: &Shelf, questions: &[Question]) {
    let measured = measure(shelf, questions).await;
    println!("| split, class | answerable | first | of three | answered right | wrong | unanswerable | answered |");
    println!("|---|---:|---:|---:|---:|---:|---:|---:|");
    for ((split, class), tally) in &measured {
        let Tally { answerable, first, first_three, right, wrong, unanswerable, mistaken } = tally;
        println!(
            "| {split} {class} | {answerable} | {first} | {first_three} | {right} | {wrong} | {unanswerable} | {mistaken} |"
        );
    }
}
