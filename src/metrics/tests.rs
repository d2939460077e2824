//! What the dashboard and the rules in `deploy/` ask for is there.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use regex::Regex;
use serde_json::Value;

use super::*;

/// A scrape in which every metric has a series.
async fn everything() -> String {
    let metrics = Metrics::default();
    metrics.http.answered("GET", "/metrics", 200, Duration::from_millis(3));
    metrics.http.refused("agent");
    let (endpoint, purpose, outcome) = ("default", "answer", "ok");
    metrics.model.called(&Call { endpoint, purpose, outcome, tokens: (700, 30), took: Duration::from_secs(2) });
    metrics.link.up();
    metrics.link.down("conflict");
    let sample = Sample {
        up: vec![("xmpp", true)],
        tickets: vec![("support".to_owned(), "OPEN", 3)],
        queues: vec![Queue { name: "people", length: 1, oldest: Duration::from_millis(1500) }],
        messages: vec![("customer", "in", 4)],
        changes: (9, 1, 5),
        passages: vec![Passages { desk: "support".to_owned(), audience: "agents", count: 12 }],
    };
    metrics.scrape(Duration::ZERO, async || sample).await.unwrap()
}

#[tokio::test]
async fn a_scrape_reads_as_prometheus_wants_it() {
    let text = everything().await;
    for line in [
        "# TYPE deskbridge_http_requests_total counter",
        r#"deskbridge_http_requests_total{method="GET",route="/metrics",status="200"} 1"#,
        r#"deskbridge_http_request_duration_seconds_bucket{method="GET",route="/metrics",le="0.005"} 1"#,
        "# TYPE deskbridge_llm_call_duration_seconds histogram",
        r#"deskbridge_llm_call_duration_seconds_sum{endpoint="default",outcome="ok"} 2.0"#,
        r#"deskbridge_llm_tokens_total{endpoint="default",kind="prompt"} 700"#,
        r#"deskbridge_queue_oldest_seconds{queue="people"} 1.5"#,
        r#"deskbridge_up{service="xmpp"} 1"#,
        r#"deskbridge_changes_total{outcome="failed"} 1"#,
        "deskbridge_commits_total 5",
        "deskbridge_xmpp_logins_total 1",
    ] {
        assert!(text.lines().any(|known| known == line), "{line} is not in {text}");
    }
}

/// Every metric with the labels that its series have.
fn labels(text: &str) -> BTreeMap<&str, BTreeSet<&str>> {
    let label = Regex::new(r#"(\w+)="[^"]*""#).unwrap();
    let mut known: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    for line in text.lines().filter(|line| !line.starts_with('#')) {
        let (name, rest) = line.split_at(line.find(['{', ' ']).unwrap());
        let found = label.captures_iter(rest).filter_map(|found| Some(found.get(1)?.as_str()));
        known.entry(name).or_default().extend(found);
    }
    known
}

/// Every expression below keys of these names.
fn expressions(value: &Value, found: &mut Vec<String>) {
    match value {
        Value::Object(fields) => {
            for (key, value) in fields {
                match value {
                    Value::String(text) if ["expr", "query"].contains(&key.as_str()) => found.push(text.clone()),
                    value => expressions(value, found),
                }
            }
        }
        Value::Array(values) => values.iter().for_each(|value| expressions(value, found)),
        _ => {}
    }
}

#[tokio::test]
async fn the_dashboard_and_the_rules_name_metrics_and_labels_that_there_are() {
    let text = everything().await;
    let known = labels(&text);
    let dashboard: Value = serde_json::from_str(include_str!("../../deploy/grafana/deskbridge.json")).unwrap();
    let rules: Value = serde_saphyr::from_str(include_str!("../../deploy/prometheus/alerts.yml")).unwrap();
    let scrape: Value = serde_saphyr::from_str(include_str!("../../deploy/prometheus/scrape.yml")).unwrap();
    assert_eq!(scrape[0]["job_name"], "deskbridge");
    for rule in rules["groups"][0]["rules"].as_array().unwrap() {
        assert!(rule["alert"].is_string() && rule["expr"].is_string() && rule["annotations"]["summary"].is_string());
    }
    let selector = Regex::new(r"(deskbridge_[a-z_]+)(?:\{([^}]*)\})?").unwrap();
    let matcher = Regex::new(r"(\w+)\s*(?:=~|!~|!=|=)").unwrap();
    let mut asked_for = BTreeSet::new();
    for document in [&dashboard, &rules] {
        let mut found = Vec::new();
        expressions(document, &mut found);
        assert!(found.len() > 10, "{found:?}");
        for expression in found {
            for found in selector.captures_iter(&expression) {
                let name = found.get(1).unwrap().as_str();
                let labels = known.get(name).unwrap_or_else(|| panic!("{name} is in no scrape: {expression}"));
                asked_for.insert(name.to_owned());
                for wanted in matcher.captures_iter(found.get(2).map_or("", |labels| labels.as_str())) {
                    let wanted = wanted.get(1).unwrap().as_str();
                    let is_prometheus_own = ["job", "instance"].contains(&wanted);
                    assert!(is_prometheus_own || labels.contains(wanted), "{name} has no {wanted}: {expression}");
                }
            }
        }
    }
    // And nothing is measured that nobody sees.
    for name in known.keys().filter(|name| !name.ends_with("_sum") && !name.ends_with("_count")) {
        assert!(asked_for.contains(*name), "{name} is in no panel and no rule");
    }
}
