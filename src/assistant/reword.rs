//! A question for which the pages have nothing as it is put: the model says by which words to look it up.
//!
//! It may be in another language than the pages, in words that none of them uses, or make sense only after what was said before. Whether
//! anything fits these words is again up to the search, not to the model.

use deskbridge_entity::llm_call::Purpose;
use tokio::time::Instant;

use super::{
    brain::Brain,
    draft, language,
    model::Terms,
    prompt::{Desk, Turn, latest_within},
    steps::Asked,
};
use crate::knowledge::Audience;

/// The part of the time that is left which this may take: the answer comes first.
const SHARE: u32 = 3;
/// How much of the conversation is read for it, in tokens: what a question leans on stands right before it.
const ROOM: usize = 600;
/// How many passages show the language of the pages.
const SAMPLE: usize = 6;
/// The most characters of a query to the knowledge.
pub(super) const MAX_QUERY_CHARS: usize = 200;

impl Brain {
    /// The words to look the customer's newest lines up by. Whatever fails here, the answer is made without.
    pub(super) async fn reword(
        &self,
        asked: &Asked<'_>,
        desk: Desk<'_>,
        turns: &[Turn],
        terms: &Terms<'_>,
    ) -> Option<String> {
        let language = self.language_of_pages(&asked.due.ticket.desk);
        let messages = self.prompts.query(desk, language, latest_within(turns, ROOM), self.context_tokens);
        let messages = messages.inspect_err(|error| tracing::error!(%error, "no words can be asked for")).ok()?;
        let left = terms.until.saturating_duration_since(Instant::now());
        let until = Instant::now() + left / SHARE;
        let terms = Terms { purpose: Purpose::Query, until, progress: None, ..*terms };
        match asked.model.text(&messages, &terms).await {
            Ok(text) => words(&text),
            Err(error) => {
                tracing::warn!(ticket.id = %asked.due.ticket.id, %error, "no words to search by; the answer is made without");
                None
            }
        }
    }

    /// As most of them say it, in a few from all over the folder.
    fn language_of_pages(&self, desk: &str) -> Option<&'static str> {
        let knowledge = self.library.shelf(desk)?.current();
        let passages = knowledge.passages(Audience::Customer);
        let apart = passages.len().div_ceil(SAMPLE).max(1);
        let sample: Vec<&str> = passages.iter().step_by(apart).map(|passage| passage.text.as_str()).collect();
        language::name(&sample.join("\n"))
    }
}

/// The line that a model wrote, without quotes and what surrounds it.
fn words(text: &str) -> Option<String> {
    let lines = text.lines().map(str::trim);
    let line = lines.into_iter().find(|line| !line.is_empty() && !line.starts_with("```"))?;
    let line: String = line.chars().filter(|c| !draft::is_hidden(*c)).take(MAX_QUERY_CHARS).collect();
    let line =
        line.trim_start_matches("Query:").trim_matches(|c: char| c.is_whitespace() || "\"'`“”„«»*-.".contains(c));
    // An object is an answer to something else.
    (!line.is_empty() && !line.starts_with('{')).then(|| line.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_words_are_the_first_line_without_what_surrounds_it() {
        for (text, expected) in [
            ("shipping time to Germany", Some("shipping time to Germany")),
            ("\n \"Shipping time\"\nbecause it was asked", Some("Shipping time")),
            ("```\n`return label`\n```", Some("return label")),
            ("Query: gift card", Some("gift card")),
            ("***", None),
            ("{\"reply\": \"Hello\"}", None),
        ] {
            assert_eq!(words(text).as_deref(), expected, "{text}");
        }
        assert_eq!(words(&"x".repeat(9000)), Some("x".repeat(MAX_QUERY_CHARS)));
    }
}
