//! From single results to rates, and whether they are good enough.

use std::{collections::BTreeMap, time::Duration};

use serde_json::{Map, Value, json};

use super::{
    case::{Decision, Suite},
    judge::Verdict,
    run::Ran,
};

/// So many of so many.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Rate {
    /// How many were right.
    pub right: usize,
    /// How many it applied to.
    pub of: usize,
}

impl Rate {
    fn count(&mut self, right: Option<bool>) {
        self.right += usize::from(right == Some(true));
        self.of += usize::from(right.is_some());
    }

    /// Between 0 and 1; `None` when it applied to nothing.
    #[must_use]
    #[expect(clippy::cast_precision_loss, reason = "nobody writes 2^52 cases")]
    pub fn share(self) -> Option<f64> {
        (self.of > 0).then(|| self.right as f64 / self.of as f64)
    }
}

/// The figures of one class, or of all.
#[derive(Clone, Debug, Default)]
pub struct Figures {
    /// Runs without any problem.
    pub passed: Rate,
    /// Right decisions.
    pub decisions: Rate,
    /// Right citations.
    pub citations: Rate,
    /// Grounded replies.
    pub grounded: Rate,
    /// Replies in the right language.
    pub language: Rate,
    /// Replies with what they must have.
    pub must: Rate,
    /// Replies without what they must not have.
    pub must_not: Rate,
    latencies: Vec<Duration>,
    /// Tokens of all prompts, and of all answers.
    pub tokens: [u64; 2],
}

impl Figures {
    /// Of some runs.
    pub fn of<'a>(runs: impl Iterator<Item = &'a Ran>) -> Self {
        let mut figures = Self::default();
        for Ran { verdict, latency, tokens, .. } in runs {
            let Verdict { decision, citation, grounded, language, must, must_not, .. } = verdict;
            figures.passed.count(Some(verdict.is_right()));
            figures.decisions.count(Some(*decision));
            figures.citations.count(*citation);
            figures.grounded.count(*grounded);
            figures.language.count(*language);
            figures.must.count(*must);
            figures.must_not.count(*must_not);
            figures.latencies.push(*latency);
            figures.tokens = [figures.tokens[0] + tokens[0], figures.tokens[1] + tokens[1]];
        }
        figures.latencies.sort_unstable();
        figures
    }

    /// The latency that `percent` of the runs do not exceed (nearest rank).
    #[must_use]
    pub fn latency(&self, percent: usize) -> Duration {
        let rank = (self.latencies.len() * percent).div_ceil(100).saturating_sub(1);
        self.latencies.get(rank).copied().unwrap_or_default()
    }

    /// The rates, with the names they have in JSON, in thresholds and in tables.
    #[must_use]
    pub fn rates(&self) -> [(&'static str, Rate); 7] {
        [
            ("passed", self.passed),
            ("decisions", self.decisions),
            ("citations", self.citations),
            ("grounded", self.grounded),
            ("language", self.language),
            ("must", self.must),
            ("must_not", self.must_not),
        ]
    }

    fn json(&self) -> Value {
        let mut object = Map::new();
        for (name, rate) in self.rates() {
            object.insert(name.to_owned(), json!({ "right": rate.right, "of": rate.of, "share": rate.share() }));
        }
        let [prompt, completion] = self.tokens;
        let ms = |percent| millis(self.latency(percent));
        object.insert("latency_ms".to_owned(), json!({ "p50": ms(50), "p95": ms(95) }));
        object.insert("tokens".to_owned(), json!({ "prompt": prompt, "completion": completion }));
        object.insert("runs".to_owned(), json!(self.passed.of));
        Value::Object(object)
    }
}

fn millis(time: Duration) -> f64 {
    (time.as_secs_f64() * 10_000.0).round() / 10.0
}

/// Expected (rows) against decided (columns). A run's row is its decision where that was among the expected ones, else
/// the first of these.
#[derive(Clone, Debug, Default)]
pub struct Confusion(BTreeMap<(Decision, Decision), usize>);

impl Confusion {
    /// How often `decided` came where `expected` was right.
    #[must_use]
    pub fn count(&self, expected: Decision, decided: Decision) -> usize {
        self.0.get(&(expected, decided)).copied().unwrap_or_default()
    }
}

/// What one assistant made of the cases.
#[derive(Clone, Debug)]
pub struct Report {
    /// What the tables call it.
    pub name: String,
    /// What answered.
    pub model: String,
    /// Every run, in the order of the cases.
    pub runs: Vec<Ran>,
    /// All together.
    pub total: Figures,
    /// Each class, in the order in which they first stand in the file.
    pub classes: Vec<(String, Figures)>,
    /// The decisions.
    pub confusion: Confusion,
}

impl Report {
    /// Counts.
    #[must_use]
    pub fn new(name: &str, model: &str, suite: &Suite, runs: Vec<Ran>) -> Self {
        let class_of = |ran: &Ran| suite.cases.get(ran.case).map(|case| case.class.as_str());
        let mut classes: Vec<(String, Figures)> = Vec::new();
        for case in &suite.cases {
            if !classes.iter().any(|(class, _)| *class == case.class) {
                let own = runs.iter().filter(|ran| class_of(ran) == Some(case.class.as_str()));
                classes.push((case.class.clone(), Figures::of(own)));
            }
        }
        let mut confusion = Confusion::default();
        for ran in &runs {
            let Some(case) = suite.cases.get(ran.case) else { continue };
            let expected = case.expect.iter().find(|expected| **expected == ran.decided).or(case.expect.first());
            if let Some(expected) = expected {
                *confusion.0.entry((*expected, ran.decided)).or_default() += 1;
            }
        }
        let total = Figures::of(runs.iter());
        Self { name: name.to_owned(), model: model.to_owned(), runs, total, classes, confusion }
    }

    /// For programs.
    #[must_use]
    pub fn json(&self, suite: &Suite) -> Value {
        let confusion: Map<String, Value> = Decision::ALL
            .into_iter()
            .filter(|expected| *expected != Decision::Failed)
            .map(|expected| {
                let row: Map<String, Value> = Decision::ALL
                    .into_iter()
                    .map(|decided| (decided.name().to_owned(), json!(self.confusion.count(expected, decided))))
                    .collect();
                (expected.name().to_owned(), Value::Object(row))
            })
            .collect();
        let classes: Map<String, Value> =
            self.classes.iter().map(|(class, figures)| (class.clone(), figures.json())).collect();
        let cases: Vec<Value> = self
            .runs
            .iter()
            .filter_map(|ran| {
                let case = suite.cases.get(ran.case)?;
                let [prompt, completion] = ran.tokens;
                Some(json!({
                    "id": case.id, "class": case.class, "repetition": ran.repetition,
                    "expected": case.expect, "decided": ran.decided, "right": ran.verdict.is_right(),
                    "verdict": ran.verdict, "said": ran.said, "latency_ms": millis(ran.latency),
                    "tokens": { "prompt": prompt, "completion": completion },
                }))
            })
            .collect();
        json!({
            "name": self.name, "model": self.model, "confusion": confusion, "total": self.total.json(),
            "classes": classes, "cases": cases,
        })
    }
}

/// What must be reached.
#[derive(Clone, Debug, Default)]
pub struct Thresholds {
    /// The least share of each rate, by its name in [`Figures::rates`].
    pub least: Vec<(&'static str, f64)>,
    /// The longest p95.
    pub max_p95: Option<Duration>,
}

impl Thresholds {
    /// What was missed, in words; nothing when all is well. A rate that applied to nothing is missed, too: it says nothing.
    #[must_use]
    pub fn missed(&self, figures: &Figures) -> Vec<String> {
        let mut missed = Vec::new();
        for (name, rate) in figures.rates() {
            for (_, least) in self.least.iter().filter(|(wanted, _)| *wanted == name) {
                let option = name.replace('_', "-");
                match rate.share() {
                    Some(share) if share >= *least => {}
                    Some(share) => {
                        missed.push(format!("--min-{option} {least}: it is {share:.3} ({} of {})", rate.right, rate.of))
                    }
                    None => missed.push(format!("--min-{option} {least}: there was nothing to measure")),
                }
            }
        }
        let p95 = figures.latency(95);
        if let Some(most) = self.max_p95.filter(|most| p95 > *most) {
            missed.push(format!("--max-p95 {}: it is {:.1} s", humantime::format_duration(most), p95.as_secs_f64()));
        }
        missed
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ran(latency: u64, grounded: Option<bool>) -> Ran {
        Ran {
            case: 0,
            repetition: 0,
            decided: Decision::Answer,
            said: String::new(),
            verdict: Verdict { decision: true, grounded, ..Verdict::default() },
            latency: Duration::from_millis(latency),
            tokens: [2, 1],
        }
    }

    #[test]
    fn percentiles_are_of_the_nearest_rank() {
        let runs: Vec<Ran> = (1..=20).rev().map(|latency| ran(latency, None)).collect();
        let figures = Figures::of(runs.iter());
        assert_eq!(figures.latency(50), Duration::from_millis(10));
        assert_eq!(figures.latency(95), Duration::from_millis(19));
        assert_eq!(figures.latency(100), Duration::from_millis(20));
        assert_eq!(figures.tokens, [40, 20]);
        assert_eq!(Figures::default().latency(95), Duration::ZERO);
    }

    #[test]
    fn a_threshold_is_missed_by_less_and_by_nothing() {
        let figures = Figures::of([ran(40, Some(true)), ran(50, Some(false))].iter());
        let missed = |name, least| Thresholds { least: vec![(name, least)], max_p95: None }.missed(&figures);
        assert_eq!(missed("grounded", 0.5), [""; 0]);
        assert_eq!(missed("grounded", 0.51), ["--min-grounded 0.51: it is 0.500 (1 of 2)"]);
        assert_eq!(missed("must_not", 0.0), ["--min-must-not 0: there was nothing to measure"]);
        let slow = |most| Thresholds { least: Vec::new(), max_p95: Some(Duration::from_millis(most)) }.missed(&figures);
        assert_eq!(slow(50), [""; 0]);
        assert_eq!(slow(49), ["--max-p95 49ms: it is 0.1 s"]);
    }
}
