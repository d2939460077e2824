//! How far a draft is, for those who watch the ticket.

use std::{
    fmt,
    sync::{Mutex, PoisonError},
    time::{Duration, Instant},
};

use super::wire;
use crate::helpdesk::Stage;

/// How often it is told how a text grows: as often as one can read along.
const TELL_EVERY: Duration = Duration::from_millis(500);

/// Tells how far one draft is; by default to nobody.
#[derive(Default)]
pub struct Progress {
    tell: Option<Box<dyn Fn(Stage) + Send + Sync>>,
    told: Mutex<Told>,
}

/// What was told of a text.
#[derive(Default)]
struct Told {
    /// When it was looked at last.
    at: Option<Instant>,
    text: String,
}

impl Progress {
    /// Tells it this function.
    #[must_use]
    pub fn to(tell: impl Fn(Stage) + Send + Sync + 'static) -> Self {
        Self { tell: Some(Box::new(tell)), told: Mutex::default() }
    }

    /// It looks into the knowledge, with these words.
    pub(super) fn searches(&self, query: &str) {
        if let Some(tell) = &self.tell {
            tell(Stage::Searching { query: query.to_owned() });
        }
    }

    /// The model has written this much of its answer, in whatever form it has.
    pub(super) fn writes(&self, content: &str) {
        self.writes_at(content, Instant::now());
    }

    fn writes_at(&self, content: &str, now: Instant) {
        let Some(tell) = &self.tell else { return };
        let mut told = self.told.lock().unwrap_or_else(PoisonError::into_inner);
        if told.at.is_some_and(|at| now < at + TELL_EVERY) {
            return;
        }
        // Whatever comes of it: looking takes longer the more there is.
        told.at = Some(now);
        // What else it decides is written behind the reply.
        if let Some(text) = wire::reply_so_far(content).filter(|text| *text != told.text) {
            told.text.clone_from(&text);
            tell(Stage::Writing { text });
        }
    }

    /// Whether anybody is told.
    pub(super) fn is_watched(&self) -> bool {
        self.tell.is_some()
    }
}

impl fmt::Debug for Progress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Progress").field("is_watched", &self.is_watched()).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;

    #[test]
    fn a_text_is_told_now_and_then_and_a_search_at_once() {
        let stages = Arc::new(Mutex::new(Vec::new()));
        let heard = Arc::clone(&stages);
        let progress = Progress::to(move |stage| heard.lock().unwrap().push(stage));
        progress.searches("tea");
        let began = Instant::now();
        for (halves, text) in (0..).zip(["One", "One t", "One two", "One two three", "One two", "One two"]) {
            progress.writes_at(text, began + TELL_EVERY / 2 * halves);
        }
        let writing = |text: &str| Stage::Writing { text: text.to_owned() };
        let expected = [Stage::Searching { query: "tea".to_owned() }, writing("One"), writing("One two")];
        assert_eq!(*stages.lock().unwrap(), expected);
    }
}
