//! Logs: a readable line with fields, or JSON. Never customers' words, prompts, secrets or SQL.

use tracing_subscriber::{EnvFilter, layer::SubscriberExt, util::SubscriberInitExt};

use crate::config;

/// Libraries that log whole stanzas, answers or statements, whatever the level asked for.
const QUIET: [&str; 5] = ["async_openai=off", "tokio_xmpp=off", "sqlx=warn", "sea_orm=warn", "hyper=warn"];

/// Starts logging to standard error as `DESKBRIDGE_LOG` and `DESKBRIDGE_LOG_FORMAT` say.
///
/// # Errors
/// When one of them is not understood, or logging was started before.
pub fn init() -> anyhow::Result<()> {
    let config::Logs { filter, json } = config::logs()?;
    let mut filter = EnvFilter::try_new(filter).map_err(|error| anyhow::anyhow!("DESKBRIDGE_LOG: {error}"))?;
    for directive in QUIET {
        filter = filter.add_directive(directive.parse()?);
    }
    let registry = tracing_subscriber::registry().with(filter);
    if json {
        let lines = tracing_subscriber::fmt::layer().json().flatten_event(true).with_writer(std::io::stderr);
        registry.with(lines).try_init()?;
    } else {
        let is_terminal = std::io::IsTerminal::is_terminal(&std::io::stderr());
        registry
            .with(tracing_subscriber::fmt::layer().with_ansi(is_terminal).with_writer(std::io::stderr))
            .try_init()?;
    }
    Ok(())
}
