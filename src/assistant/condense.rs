//! A long conversation: what a prompt does not hold any more becomes a summary, once, and stays one.

use deskbridge_entity::{llm_call::Purpose, ticket};
use tokio::time::Instant;

use super::{
    brain::Brain,
    draft,
    model::{Model, Terms},
    prompt::{Author, Turn, latest_within},
};
use crate::helpdesk::Condensed;

/// The part of a prompt's budget that stays word for word: the rest has room for what is said next, so that not every
/// answer needs a new summary.
const KEPT: usize = 3;
/// The part of the time that is left which a summary may take: the answer comes first.
const SHARE: u32 = 3;
/// The longest summary, in characters. Twice what is asked for.
const MAX_SUMMARY_CHARS: usize = 2000;

impl Brain {
    /// Summarises the oldest of the turns, with what stood before them; gives the summary and how many turns it stands
    /// for. `None` if there is nothing to summarise, or it failed: the answer is then made without.
    pub(super) async fn condense(
        &self,
        model: &Model,
        ticket: &ticket::Model,
        (numbers, turns): (&[i64], &[Turn]),
        terms: &Terms<'_>,
    ) -> Option<(Condensed, usize)> {
        let covered = oldest(turns, self.context_tokens / KEPT);
        let upto = *numbers.get(covered.checked_sub(1)?)?;
        let before = ticket.context_summary.as_deref();
        let messages = self.prompts.summary(before, &turns[..covered], self.context_tokens);
        let messages = messages.inspect_err(|error| tracing::error!(%error, "no summary can be asked for")).ok()?;
        let left = terms.until.saturating_duration_since(Instant::now());
        let until = Instant::now() + left / SHARE;
        let terms = Terms { purpose: Purpose::Summary, until, progress: None, ..*terms };
        match model.text(&messages, &terms).await {
            Ok(text) => {
                let kept = text.chars().filter(|c| *c == '\n' || !draft::is_hidden(*c)).take(MAX_SUMMARY_CHARS);
                let summary = kept.collect::<String>().trim().to_owned();
                (!summary.is_empty()).then_some((Condensed { summary, upto }, covered))
            }
            Err(error) => {
                tracing::warn!(ticket.id = %ticket.id, %error, "no summary; the answer is made without one");
                None
            }
        }
    }
}

/// How many of the oldest turns do not fit into `room` beside the customer's newest lines, which are never summarised.
fn oldest(turns: &[Turn], room: usize) -> usize {
    let newest_from = turns.iter().rposition(|turn| turn.author != Author::Customer).map_or(0, |at| at + 1);
    newest_from - latest_within(&turns[..newest_from], room).len()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_customers_newest_lines_are_never_summarised() {
        let turn = |author| Turn { author, text: "x".repeat(400) };
        let mut turns: Vec<Turn> = (0..10).flat_map(|_| [turn(Author::Customer), turn(Author::Assistant)]).collect();
        turns.extend([turn(Author::Customer), turn(Author::Customer)]);
        assert_eq!(oldest(&turns, 0), 20);
        assert_eq!(oldest(&turns, 220), 18);
        assert_eq!(oldest(&turns, 100_000), 0);
        assert_eq!(oldest(&[turn(Author::Customer)], 0), 0);
    }
}
