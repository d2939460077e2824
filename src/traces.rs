//! Traces: what a request, an answer and a call of a model take goes to an OpenTelemetry collector (OTLP over HTTP), in programs
//! that are built with the feature `otel`. Without it, spans only give context to log lines.
//!
//! Spans have ids, names of the configuration, templates of routes and numbers, never what people write; as in logs.

use tracing::Span;

/// A request over REST, by its route's template; whatever is logged meanwhile carries its id.
// At the level that no filter leaves out.
#[must_use]
pub fn request(id: &str, method: &str, route: &str) -> Span {
    #[cfg(feature = "otel")]
    return tracing::error_span!(
        "request",
        request_id = id,
        otel.kind = "server",
        otel.name = format!("{method} {route}")
    );
    #[cfg(not(feature = "otel"))]
    {
        let _ = (method, route);
        tracing::error_span!("request", request_id = id)
    }
}

/// Says what became of a request.
pub fn answered(span: &Span, method: &str, route: &str, status: u16) {
    #[cfg(feature = "otel")]
    otel::answered(span, method, route, status);
    #[cfg(not(feature = "otel"))]
    let _ = (span, method, route, status);
}

/// Makes a span a part of the caller's trace, if its `traceparent` says one (W3C Trace Context §3.2).
pub fn adopt(span: &Span, traceparent: Option<&str>) {
    #[cfg(feature = "otel")]
    otel::adopt(span, traceparent);
    #[cfg(not(feature = "otel"))]
    let _ = (span, traceparent);
}

/// The work on an answer in a ticket.
#[must_use]
pub fn answer(ticket: uuid::Uuid, desk: &str) -> Span {
    tracing::error_span!("answer", ticket.id = %ticket, desk.name = desk)
}

/// One call of an endpoint for a language model.
#[must_use]
pub fn call(endpoint: &str, model: &str) -> Span {
    #[cfg(feature = "otel")]
    return tracing::error_span!("call", endpoint, model, otel.kind = "client");
    #[cfg(not(feature = "otel"))]
    tracing::error_span!("call", endpoint, model)
}

#[cfg(feature = "otel")]
pub use otel::{Exporter, layer};

#[cfg(feature = "otel")]
mod otel {
    use std::collections::HashMap;

    use opentelemetry::{propagation::TextMapPropagator, trace::TracerProvider};
    use opentelemetry_otlp::SpanExporter;
    use opentelemetry_sdk::{
        Resource,
        propagation::TraceContextPropagator,
        trace::{SdkTracer, SdkTracerProvider},
    };
    use tracing::{Span, Subscriber};
    use tracing_opentelemetry::{OpenTelemetryLayer, OpenTelemetrySpanExt};
    use tracing_subscriber::registry::LookupSpan;

    /// Sends spans, in a thread of its own; what is left goes out when it is dropped.
    #[derive(Debug)]
    pub struct Exporter(SdkTracerProvider);

    impl Drop for Exporter {
        fn drop(&mut self) {
            if let Err(error) = self.0.shutdown() {
                tracing::warn!(%error, "the last traces could not be sent");
            }
        }
    }

    /// What turns spans into traces, and what sends them. Where to, and how many, the variables `OTEL_EXPORTER_OTLP_…`,
    /// `OTEL_TRACES_SAMPLER…` and `OTEL_BSP_…` say, which the library reads.
    ///
    /// # Errors
    /// When the collector's address cannot be used.
    pub fn layer<S>(service: &str) -> anyhow::Result<(OpenTelemetryLayer<S, SdkTracer>, Exporter)>
    where
        S: Subscriber + for<'a> LookupSpan<'a>,
    {
        let exporter = SpanExporter::builder().with_http().build()?;
        let resource = Resource::builder_empty()
            .with_service_name(service.to_owned())
            .with_attribute(opentelemetry::KeyValue::new("service.version", env!("CARGO_PKG_VERSION")))
            .with_detectors(&[Box::new(opentelemetry_sdk::resource::EnvResourceDetector::new())])
            .build();
        let provider = SdkTracerProvider::builder().with_batch_exporter(exporter).with_resource(resource).build();
        let layer = tracing_opentelemetry::layer().with_location(false).with_threads(false);
        Ok((layer.with_tracer(provider.tracer("deskbridge")), Exporter(provider)))
    }

    /// In the words of OpenTelemetry's semantic conventions for HTTP servers.
    pub(super) fn answered(span: &Span, method: &str, route: &str, status: u16) {
        span.set_attribute("http.request.method", method.to_owned());
        span.set_attribute("http.route", route.to_owned());
        span.set_attribute("http.response.status_code", i64::from(status));
        if status >= 500 {
            span.set_status(opentelemetry::trace::Status::error(""));
        }
    }

    pub(super) fn adopt(span: &Span, traceparent: Option<&str>) {
        let Some(parent) = traceparent else { return };
        let carrier = HashMap::from([("traceparent".to_owned(), parent.to_owned())]);
        // Without a collector there is nothing to adopt.
        let _ = span.set_parent(TraceContextPropagator::new().extract(&carrier));
    }
}
