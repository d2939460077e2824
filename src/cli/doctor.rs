//! `deskbridge doctor`: checks what a start depends on, one line each, with what to do.

use std::fmt::Display;

use crate::{
    app,
    config::{Config, DEFAULT_FILE},
    helpdesk::Clock,
    knowledge::Library,
    xmpp::login::{Down, log_in},
};

/// What a check found.
pub enum Finding {
    /// It works; how.
    Good(String),
    /// It does not; what to do.
    Bad(String),
}

/// Checks configuration, database, XMPP handshake, identity provider, knowledge and model endpoint, and tells `report` each finding as it comes.
/// Gives whether all is well. Changes nothing, except that an embedded database is created if it is missing.
pub async fn examine(config: &Config, mut report: impl FnMut(&str, &Finding)) -> bool {
    let mut well = true;
    let mut tell = |name: &str, finding: Finding| {
        well &= matches!(finding, Finding::Good(_));
        report(name, &finding);
    };
    tell("configuration", configuration(config));
    tell("database", database(config).await);
    tell("xmpp", xmpp(config).await);
    if let Some(finding) = identity(config).await {
        tell("identity", finding);
    }
    let library = app::library(config);
    tell("knowledge", knowledge(config, &library));
    for finding in assistant(config, library.unwrap_or_default()).await {
        tell("assistant", finding);
    }
    well
}

fn bad(problem: impl Display, advice: &str) -> Finding {
    Finding::Bad(format!("{problem}. {advice}"))
}

fn configuration(config: &Config) -> Finding {
    if let Err(error) = app::desks(config).map(drop).and_then(|()| app::attachment_limits(config).map(drop)) {
        return Finding::Bad(format!("{error:#}"));
    }
    let component = match config.component() {
        Ok(component) => component,
        Err(error) => return Finding::Bad(error.to_string()),
    };
    match (&config.auth.jwt_secret, &config.auth.jwks_url, config.jwt_secret()) {
        (Some(_), _, Err(error)) | (None, None, Err(error)) => Finding::Bad(error.to_string()),
        _ => {
            let desks: Vec<String> =
                config.desk.iter().map(|desk| format!("{}@{}", desk.name, component.domain)).collect();
            Finding::Good(format!("complete; desks: {}", desks.join(", ")))
        }
    }
}

/// `None` where nobody but ourselves makes tokens.
async fn identity(config: &Config) -> Option<Finding> {
    let provider = match config.auth.provider() {
        Ok(provider) => provider?,
        Err(error) => return Some(Finding::Bad(error.to_string())),
    };
    let source = match app::source(&provider) {
        Ok(source) => source,
        Err(error) => return Some(Finding::Bad(format!("{error:#}"))),
    };
    Some(match source.probe().await {
        Ok(keys) => {
            Finding::Good(format!("the identity provider has {keys} usable keys; tokens of {}", provider.issuer))
        }
        Err(error) => bad(error, "Is auth.jwks_url the address that the provider names as its jwks_uri?"),
    })
}

async fn database(config: &Config) -> Finding {
    let store = match app::connect(config).await {
        Ok(store) => store,
        Err(error) => return bad(format!("{error:#}"), "Is the server up, and are name and password right?"),
    };
    let finding = match store.pending().await {
        Ok(0) => Finding::Good("reachable and up to date".to_owned()),
        Ok(steps) => Finding::Good(format!("reachable; {steps} migration steps will run at the next start")),
        Err(error) => bad(error, "See `deskbridge migrate --help`"),
    };
    store.close().await;
    finding
}

async fn xmpp(config: &Config) -> Finding {
    let component = match config.component() {
        Ok(component) => component,
        Err(error) => return Finding::Bad(error.to_string()),
    };
    match log_in(&app::account(&component)).await {
        Ok(_) => Finding::Good(format!("{} takes us for {}", component.server, component.domain)),
        Err(Down::Conflict) => Finding::Good(format!(
            "{} knows {}; it is connected already, as by a running Deskbridge",
            component.server, component.domain
        )),
        Err(down @ Down::Unreachable(_)) => {
            bad(down, "Does the XMPP server run, and does xmpp.server name its component port?")
        }
        Err(down) => bad(down, &format!("See [xmpp] in {DEFAULT_FILE}")),
    }
}

fn knowledge(config: &Config, library: &anyhow::Result<Library>) -> Finding {
    let library = match library {
        Ok(library) => library,
        Err(error) => return Finding::Bad(format!("{error:#}")),
    };
    let mut parts = Vec::new();
    for desk in &config.desk {
        let Some(shelf) = library.shelf(&desk.name) else { continue };
        let knowledge = shelf.current();
        if let Some(skipped) = knowledge.skipped().first() {
            return bad(
                format!(
                    "desk {}: {} files are left out: {} {}",
                    desk.name,
                    knowledge.skipped().len(),
                    skipped.page,
                    skipped.reason
                ),
                "See `deskbridge knowledge list`",
            );
        }
        parts.push(format!("{}: {} pages", desk.name, knowledge.pages().len()));
    }
    if parts.is_empty() {
        return Finding::Good("no desk has a folder (desk.knowledge)".to_owned());
    }
    let how = if library.has_meaning() {
        "by meaning"
    } else {
        "by words alone (`make model` fetches a model of embeddings)"
    };
    Finding::Good(format!("{}; searched {how}", parts.join(", ")))
}

async fn assistant(config: &Config, library: Library) -> Vec<Finding> {
    let brain = app::desks(config).and_then(|desks| app::brain(config, &desks, library, Clock::default()));
    let model = match brain.map(|brain| brain.model) {
        Ok(Some(model)) => model,
        Ok(None) => {
            return vec![Finding::Good(
                "no model is configured (assistant.base_url): the built-in default quotes the knowledge".to_owned(),
            )];
        }
        Err(error) => return vec![Finding::Bad(format!("{error:#}"))],
    };
    let mut findings = Vec::new();
    for llm in model.endpoints() {
        let name = llm.name();
        findings.push(match llm.probe().await {
            Ok(()) => Finding::Good(format!("the endpoint '{name}' answers; model {}", llm.model())),
            Err(error) => bad(
                format!("the endpoint '{name}': {error}"),
                "Does the endpoint run, and are its address and key right (assistant.base_url, assistant.endpoints)?",
            ),
        });
    }
    findings
}
