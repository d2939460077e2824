//! Logs: a readable line with fields, or JSON. Never customers' words, prompts, secrets or SQL.

use tracing_subscriber::{EnvFilter, layer::SubscriberExt, util::SubscriberInitExt};

use crate::config;

/// Libraries that log whole stanzas, answers or statements, whatever the level asked for.
const QUIET: [&str; 5] = ["async_openai=off", "tokio_xmpp=off", "sqlx=warn", "sea_orm=warn", "hyper=warn"];

/// What has to be kept for as long as something may be logged.
#[must_use]
#[derive(Debug, Default)]
pub struct Logging {
    #[cfg(feature = "otel")]
    _exporter: Option<crate::traces::Exporter>,
}

/// Starts logging to standard error as `DESKBRIDGE_LOG` and `DESKBRIDGE_LOG_FORMAT` say; and, where the environment names a
/// collector, sending traces to it.
///
/// # Errors
/// When one of them is not understood, the collector's address cannot be used, or logging was started before.
pub fn init() -> anyhow::Result<Logging> {
    let config::Logs { filter, json, traced_as } = config::logs()?;
    let mut filter = EnvFilter::try_new(filter).map_err(|error| anyhow::anyhow!("DESKBRIDGE_LOG: {error}"))?;
    for directive in QUIET {
        filter = filter.add_directive(directive.parse()?);
    }
    #[cfg(feature = "otel")]
    let (traces, exporter) = traced_as.map(|name| crate::traces::layer(&name)).transpose()?.unzip();
    #[cfg(feature = "otel")]
    let registry = tracing_subscriber::registry().with(traces).with(filter);
    #[cfg(not(feature = "otel"))]
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
    #[cfg(feature = "otel")]
    return Ok(Logging { _exporter: exporter });
    #[cfg(not(feature = "otel"))]
    {
        if traced_as.is_some() {
            tracing::warn!("OTEL_EXPORTER_OTLP_ENDPOINT is set, but this program was built without the feature otel");
        }
        Ok(Logging {})
    }
}
