//! How to log.

use super::Error;

/// How to log; from the environment alone, since a broken file must be logged, too.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Logs {
    /// A level such as `debug`, or a filter such as `deskbridge::xmpp=debug,info`.
    pub filter: String,
    /// JSON lines rather than text.
    pub json: bool,
    /// What traces are sent as, where OpenTelemetry's own variables name a collector.
    pub traced_as: Option<String>,
}

/// Reads `DESKBRIDGE_LOG` and `DESKBRIDGE_LOG_FORMAT`, and whether there is a collector.
///
/// # Errors
/// When the format is neither `text` nor `json`.
pub fn logs() -> Result<Logs, Error> {
    let var = |name| std::env::var_os(name).map(|value| value.to_string_lossy().into_owned());
    let is_named = |name| var(name).is_some_and(|address| !address.is_empty());
    let is_traced = is_named("OTEL_EXPORTER_OTLP_ENDPOINT") || is_named("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT");
    let json = match var("DESKBRIDGE_LOG_FORMAT").as_deref() {
        None | Some("" | "text") => false,
        Some("json") => true,
        Some(other) => return Err(Error::key("DESKBRIDGE_LOG_FORMAT", format!("'{other}' is not text or json"))),
    };
    Ok(Logs {
        filter: var("DESKBRIDGE_LOG").filter(|filter| !filter.is_empty()).unwrap_or_else(|| "info".into()),
        json,
        traced_as: is_traced.then(|| var("OTEL_SERVICE_NAME").unwrap_or_else(|| "deskbridge".into())),
    })
}
