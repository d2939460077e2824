//! `deskbridge eval`: labelled conversations, and how the assistant does with them.

use std::{fs, path::PathBuf, process::ExitCode, time::Duration};

use anyhow::Context;
use serde_json::json;

use crate::{
    app,
    config::{Config, Secret},
    evaluation::{Report, Subject, Suite, Thresholds, sample, table},
    helpdesk::Clock,
    knowledge::{Knowledge, Library, Shelf},
};

/// What is evaluated, and what must be reached.
#[derive(Debug, clap::Args)]
pub struct EvalArgs {
    /// The cases, as TOML [default: those that ship, on the sample pages]
    #[arg(value_name = "FILE")]
    pub file: Option<PathBuf>,
    /// Whose prompt and knowledge [default: the first desk]
    #[arg(long, value_name = "NAME")]
    pub desk: Option<String>,
    /// A folder of pages instead of the desk's
    #[arg(long, value_name = "FOLDER")]
    pub knowledge: Option<PathBuf>,
    /// Only the cases of this class; repeat it for several
    #[arg(long = "class", value_name = "CLASS")]
    pub classes: Vec<String>,
    /// Only this case; repeat it for several
    #[arg(long = "case", value_name = "ID")]
    pub cases: Vec<String>,
    /// Another model than assistant.model
    #[arg(long, value_name = "MODEL")]
    pub model: Option<String>,
    /// Another endpoint than assistant.base_url
    #[arg(long, value_name = "URL")]
    pub base_url: Option<String>,
    /// The environment variable that holds the endpoint's key, instead of assistant.api_key
    #[arg(long, value_name = "VARIABLE")]
    pub api_key_env: Option<String>,
    /// The built-in default instead of a model
    #[arg(long, conflicts_with_all = ["model", "base_url", "api_key_env"])]
    pub builtin: bool,
    /// Another model beside it, as NAME=URL,MODEL or NAME=URL,MODEL,KEY_VARIABLE; repeat it for several
    #[arg(long, value_name = "NAME=URL,MODEL", value_parser = contender)]
    pub compare: Vec<Contender>,
    /// How many cases run at the same time
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u16).range(1..=256))]
    pub jobs: u16,
    /// How often each case runs
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u16).range(1..=1000))]
    pub repeat: u16,
    /// Write everything into this file, too; `-` is standard output, which then has no tables
    #[arg(long, value_name = "FILE")]
    pub json: Option<PathBuf>,
    /// Show every case, not only those that are not right
    #[arg(long)]
    pub verbose: bool,
    /// The least share of cases with nothing wrong, from 0 to 1
    #[arg(long, value_name = "SHARE", value_parser = share)]
    pub min_passed: Option<f64>,
    /// The least share of right decisions
    #[arg(long, value_name = "SHARE", value_parser = share)]
    pub min_decisions: Option<f64>,
    /// The least share of answers that cite the right page
    #[arg(long, value_name = "SHARE", value_parser = share)]
    pub min_citations: Option<f64>,
    /// The least share of replies whose facts all stand in what they cite
    #[arg(long, value_name = "SHARE", value_parser = share)]
    pub min_grounded: Option<f64>,
    /// The least share of replies in the customer's language
    #[arg(long, value_name = "SHARE", value_parser = share)]
    pub min_language: Option<f64>,
    /// The least share of answers with what they must have
    #[arg(long, value_name = "SHARE", value_parser = share)]
    pub min_must: Option<f64>,
    /// The least share of replies without what they must not have
    #[arg(long, value_name = "SHARE", value_parser = share)]
    pub min_must_not: Option<f64>,
    /// The longest time that 95 % of the answers may take, such as 30s
    #[arg(long, value_name = "TIME", value_parser = humantime::parse_duration)]
    pub max_p95: Option<Duration>,
}

/// A model to compare with.
#[derive(Clone, Debug)]
pub struct Contender {
    name: String,
    base_url: String,
    model: String,
    key_variable: Option<String>,
}

fn contender(text: &str) -> Result<Contender, String> {
    let wanted = "must be NAME=URL,MODEL or NAME=URL,MODEL,KEY_VARIABLE";
    let (name, rest) = text.split_once('=').ok_or(wanted)?;
    let parts: Vec<&str> = rest.split(',').map(str::trim).collect();
    let (base_url, model, key) = match parts[..] {
        [base_url, model] => (base_url, model, None),
        [base_url, model, key] if !key.is_empty() => (base_url, model, Some(key.to_owned())),
        _ => return Err(wanted.to_owned()),
    };
    if name.trim().is_empty() || base_url.is_empty() || model.is_empty() {
        return Err(wanted.to_owned());
    }
    let own = str::to_owned;
    Ok(Contender { name: own(name.trim()), base_url: own(base_url), model: own(model), key_variable: key })
}

fn share(text: &str) -> Result<f64, String> {
    let share: f64 = text.parse().map_err(|_| "must be a number from 0 to 1".to_owned())?;
    if (0.0..=1.0).contains(&share) { Ok(share) } else { Err("must be from 0 to 1".to_owned()) }
}

/// What was asked for in a way that cannot be meant.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
struct Usage(String);

/// Evaluates; gives 0, 1 when a threshold was missed, or 2 when the command line or the file is wrong.
///
/// # Errors
/// When the configuration is unusable or an endpoint does not answer.
pub async fn evaluate(config: Config, args: EvalArgs) -> anyhow::Result<(ExitCode, String)> {
    match run(config, &args).await {
        Ok(done) => Ok(done),
        Err(error) => match error.downcast::<Usage>() {
            Ok(usage) => {
                eprintln!("deskbridge: {usage}");
                Ok((ExitCode::from(2), String::new()))
            }
            Err(error) => Err(error),
        },
    }
}

async fn run(mut config: Config, args: &EvalArgs) -> anyhow::Result<(ExitCode, String)> {
    let suite = suite(args)?;
    let desk = match &args.desk {
        Some(name) if config.desk.iter().any(|desk| desk.name == *name) => name.clone(),
        Some(name) => return Err(Usage(format!("there is no desk '{name}'")).into()),
        None => config.desk.first().map(|desk| desk.name.clone()).context("there is no desk")?,
    };
    if let Some(folder) = &args.knowledge {
        config.desk.iter_mut().filter(|own| own.name == desk).for_each(|own| own.knowledge = Some(folder.clone()));
    }
    if args.builtin {
        config.assistant.base_url = None;
    }
    // One model is measured, not what stands behind it for when it fails.
    if args.builtin || args.base_url.is_some() || args.model.is_some() {
        config.assistant.endpoints.clear();
    }
    let main = if endpoint(&mut config, args)? { "main" } else { "built-in" };
    let mut contenders = vec![(main.to_owned(), config.clone())];
    for other in &args.compare {
        let mut config = config.clone();
        config.assistant.endpoints.clear();
        config.assistant.base_url = Some(other.base_url.clone());
        config.assistant.model = Some(other.model.clone());
        config.assistant.api_key = other.key_variable.as_deref().map(key).transpose()?;
        contenders.push((other.name.clone(), config));
    }

    let mut reports = Vec::new();
    for (name, config) in contenders {
        let subject = subject(&config, args, &desk).await?;
        subject.probe().await.with_context(|| format!("{name}: the model's endpoint does not answer"))?;
        let model = subject.model();
        if subject.passages() == 0 {
            eprintln!("the desk '{desk}' has no knowledge: only hand-offs can be right");
        }
        let total = suite.cases.len() * usize::from(args.repeat);
        let done = std::cell::Cell::new(0);
        let runs = subject
            .run(&suite, usize::from(args.repeat), |case, ran| {
                done.set(done.get() + 1);
                let word = if ran.verdict.is_right() { "ok" } else { "not right" };
                eprintln!("{name} {}/{total} {} {word} {:.1} s", done.get(), case.id, ran.latency.as_secs_f64());
            })
            .await;
        let runs = runs.context("the pages of a case could not be embedded")?;
        reports.push(Report::new(&name, &model, &suite, runs));
    }
    conclude(args, &suite, &reports)
}

fn suite(args: &EvalArgs) -> anyhow::Result<Suite> {
    let suite = match &args.file {
        Some(file) => {
            let text =
                fs::read_to_string(file).map_err(|error| Usage(format!("cannot read {}: {error}", file.display())))?;
            Suite::parse(&text).map_err(|error| Usage(format!("{}: {error}", file.display())))?
        }
        None => sample::suite()?,
    };
    Ok(suite.only(&args.classes, &args.cases).map_err(|error| Usage(error.to_string()))?)
}

/// Puts what the command line says of the endpoint over the configuration. Gives whether there is one then.
fn endpoint(config: &mut Config, args: &EvalArgs) -> anyhow::Result<bool> {
    let assistant = &mut config.assistant;
    if args.base_url.is_some() {
        assistant.base_url.clone_from(&args.base_url);
    }
    if args.model.is_some() {
        assistant.model.clone_from(&args.model);
    }
    if let Some(variable) = &args.api_key_env {
        assistant.api_key = Some(key(variable)?);
    }
    let endpoints = config.endpoints().map_err(|error| Usage(error.to_string()))?;
    if endpoints.is_empty() && (args.model.is_some() || args.api_key_env.is_some()) {
        return Err(Usage("--model and --api-key-env need --base-url or assistant.base_url".to_owned()).into());
    }
    Ok(!endpoints.is_empty())
}

fn key(variable: &str) -> anyhow::Result<Secret> {
    Ok(Secret::from_variable(variable).ok_or_else(|| Usage(format!("the environment has no {variable}")))?)
}

/// One assistant for each job. The pages are loaded once.
async fn subject(config: &Config, args: &EvalArgs, desk: &str) -> anyhow::Result<Subject> {
    let shown = app::desks(config)?;
    // The shipped cases are about the sample pages, whatever the desk knows.
    let is_shipped = args.file.is_none() && args.knowledge.is_none();
    let mut library = if is_shipped { Library::default() } else { app::library(config)? };
    if library.shelf(desk).is_none() {
        let passages = if is_shipped { sample::passages() } else { Vec::new() };
        let shelf = Shelf::of(&Knowledge::from_passages(passages), app::meaning(config)?);
        library = Library::new([(desk.to_owned(), shelf)].into());
    }
    if let Some(shelf) = library.shelf(desk) {
        shelf.embed(|done, all| eprintln!("{desk}: {done} of {all} passages are embedded")).await?;
    }
    let brain = |_| app::brain(config, &shown, library.clone(), Clock::default());
    let brains = (0..args.jobs).map(brain).collect::<anyhow::Result<Vec<_>>>()?;
    Ok(Subject::new(brains, desk))
}

fn conclude(args: &EvalArgs, suite: &Suite, reports: &[Report]) -> anyhow::Result<(ExitCode, String)> {
    let thresholds = Thresholds {
        least: [
            ("passed", args.min_passed),
            ("decisions", args.min_decisions),
            ("citations", args.min_citations),
            ("grounded", args.min_grounded),
            ("language", args.min_language),
            ("must", args.min_must),
            ("must_not", args.min_must_not),
        ]
        .into_iter()
        .filter_map(|(name, least)| Some((name, least?)))
        .collect(),
        max_p95: args.max_p95,
    };
    let missed = reports.first().map(|main| thresholds.missed(&main.total)).unwrap_or_default();
    let reported: Vec<_> = reports.iter().map(|report| report.json(suite)).collect();
    let whole = json!({ "cases": suite.cases.len(), "reports": reported, "missed": missed });
    let whole = format!("{}\n", serde_json::to_string_pretty(&whole)?);
    let mut out = String::new();
    match args.json.as_deref() {
        Some(file) if file.as_os_str() == "-" => out = whole,
        file => {
            if let Some(file) = file {
                fs::write(file, whole).with_context(|| format!("cannot write {}", file.display()))?;
            }
            let tables: Vec<String> = reports.iter().map(|report| table::report(report, suite, args.verbose)).collect();
            out += &tables.join("\n");
            if reports.len() > 1 {
                out.push('\n');
                out += &table::side_by_side(reports, suite);
            }
        }
    }
    for threshold in &missed {
        eprintln!("deskbridge: missed {threshold}");
    }
    Ok((if missed.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE }, out))
}
