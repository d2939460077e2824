//! REST: requests and how long they took, by the template of their route.

use std::time::Duration;

use prometheus_client::{
    encoding::EncodeLabelSet,
    metrics::{counter::Counter, family::Family, histogram::Histogram},
    registry::Registry,
};

/// From a millisecond to what a request may take.
const SECONDS: [f64; 13] = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0, 30.0];
/// The methods that routes have, or are asked for by mistake. All others are `OTHER`: a client may make up what it likes.
const METHODS: [&str; 7] = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"];

/// The metrics of REST. Clones share them.
#[derive(Clone, Debug)]
pub struct Http {
    requests: Family<Answered, Counter>,
    durations: Family<Asked, Histogram, fn() -> Histogram>,
    refused: Family<Refused, Counter>,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Answered {
    method: &'static str,
    route: String,
    status: u16,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Asked {
    method: &'static str,
    route: String,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Refused {
    role: &'static str,
}

impl Http {
    pub(super) fn registered(registry: &mut Registry) -> Self {
        let new: fn() -> Histogram = || Histogram::new(SECONDS);
        let http = Self {
            requests: Family::default(),
            durations: Family::new_with_constructor(new),
            refused: Family::default(),
        };
        registry.register("http_requests", "Requests over REST that were answered", http.requests.clone());
        let help = "Seconds from a request's header to its answer's";
        registry.register("http_request_duration_seconds", help, http.durations.clone());
        let help = "Requests over REST that were too many of one caller, by its role";
        registry.register("http_requests_refused", help, http.refused.clone());
        for role in ["anonymous", "customer", "agent", "admin", "service"] {
            drop(http.refused.get_or_create(&Refused { role }));
        }
        http
    }

    /// A request was answered. `route` is the template that matched, or `none`; never a path.
    pub fn answered(&self, method: &str, route: &str, status: u16, took: Duration) {
        let method = METHODS.into_iter().find(|known| *known == method).unwrap_or("OTHER");
        self.requests.get_or_create(&Answered { method, route: route.to_owned(), status }).inc();
        self.durations.get_or_create(&Asked { method, route: route.to_owned() }).observe(took.as_secs_f64());
    }

    /// A request was one too many of a caller of this role.
    pub fn refused(&self, role: &'static str) {
        self.refused.get_or_create(&Refused { role }).inc();
    }
}
