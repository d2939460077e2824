//! What an agent should know at once, by rules alone: issue, details, what was tried, next step. Pure.

use deskbridge_entity::message::Author;

/// Lines of the customer that are quoted.
const LAST_LINES: usize = 3;

/// What is known of a ticket besides what was said lately.
#[derive(Debug, Default)]
pub(super) struct Before<'a> {
    /// What was said earlier, in short.
    pub summary: Option<&'a str>,
    /// What a colleague told the assistant at a release.
    pub released: Option<&'a str>,
    /// How often the assistant has answered at least.
    pub answers: i64,
}

/// The situation of a ticket with this issue, from what was said in it, oldest first, and what was `before`.
pub(super) fn situation(issue: &str, before: &Before<'_>, said: &[(Author, &str)]) -> String {
    let count = |author| said.iter().filter(|(who, _)| *who == author).count();
    let answers = count(Author::Assistant).max(usize::try_from(before.answers).unwrap_or_default());
    let since = match (answers, count(Author::Agent)) {
        (0, 0) => None,
        (assistant, 0) => Some(format!("the assistant answered {}", times(assistant))),
        (0, agents) => Some(format!("colleagues answered {}", times(agents))),
        (assistant, agents) => {
            Some(format!("the assistant answered {}, colleagues {}", times(assistant), times(agents)))
        }
    };
    let released = before.released.map(|told| format!("a colleague had it, and told the assistant: {}", brief(told)));
    let tried: Vec<String> = released.into_iter().chain(since).collect();
    let tried = if tried.is_empty() { "nothing was answered yet".to_owned() } else { tried.join("; ") };
    let lines = said.iter().rev().filter(|(who, _)| *who == Author::Customer);
    let mut last: Vec<String> = lines.take(LAST_LINES).map(|(_, text)| format!("> {}", brief(text))).collect();
    last.reverse();
    let details =
        if last.is_empty() { String::new() } else { format!("\nThe customer said last:\n{}", last.join("\n")) };
    let earlier = before.summary.map(|text| format!("\nEarlier: {text}")).unwrap_or_default();
    format!("Issue: {issue}{earlier}{details}\nTried so far: {tried}\nNext step: answer the customer.")
}

fn times(count: usize) -> String {
    if count == 1 { "once".to_owned() } else { format!("{count} times") }
}

/// A line's beginning, without line breaks.
pub(super) fn brief(text: &str) -> String {
    let line = text.split_whitespace().collect::<Vec<_>>().join(" ");
    match line.char_indices().nth(200) {
        Some((cut, _)) => format!("{}…", &line[..cut]),
        None => line,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_says_what_was_tried_and_quotes_the_customers_last_lines() {
        assert_eq!(
            situation("Tea", &Before::default(), &[]),
            "Issue: Tea\nTried so far: nothing was answered yet\nNext step: answer the customer."
        );
        let long = "word ".repeat(100);
        let said = [
            (Author::Customer, "one"),
            (Author::Assistant, "Hm."),
            (Author::Customer, "two\nlines"),
            (Author::Agent, "Well."),
            (Author::Agent, "Now?"),
            (Author::Customer, "three"),
            (Author::Customer, long.as_str()),
        ];
        let text = situation("Tea", &Before::default(), &said);
        assert!(text.contains("\nThe customer said last:\n> two lines\n> three\n> word word"), "{text}");
        assert!(text.contains("…\nTried so far: the assistant answered once, colleagues 2 times\n"), "{text}");
        assert!(
            situation("Tea", &Before::default(), &said[3..5]).contains("Tried so far: colleagues answered 2 times")
        );
        let text =
            situation("Tea", &Before { summary: Some("All of it."), answers: 1, ..Before::default() }, &said[..2]);
        assert!(text.starts_with("Issue: Tea\nEarlier: All of it.\nThe customer said last:\n> one\n"), "{text}");
        assert!(text.contains("Tried so far: the assistant answered once\n"), "{text}");
        assert!(
            situation("Tea", &Before { answers: 3, ..Before::default() }, &said[..2])
                .contains("the assistant answered 3 times")
        );
    }
}
