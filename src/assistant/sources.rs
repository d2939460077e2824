//! The end of a reply: which sources it shows.
//!
//! The model sees numbered passages, never their addresses. Every address a customer gets to see comes from here.

use std::sync::Arc;

use unicode_normalization::UnicodeNormalization;

use super::links;
use crate::knowledge::{Audience, Passage};

/// A reply without links that are neither a retrieved passage's address nor stand in one, without lines that look like a
/// source, and without `[n]` marks of passages that were not retrieved; with the numbers of those that it cites, in `citations` or in the text. `passages` are those of
/// the prompt, in order.
#[must_use]
pub fn cleaned(reply: &str, citations: &[usize], passages: &[Arc<Passage>]) -> (String, Vec<usize>) {
    let addresses = passages.iter().filter_map(|passage| passage.url.as_deref());
    let retrieved: Vec<&str> =
        addresses.chain(passages.iter().flat_map(|passage| links::links_in(&passage.text))).collect();
    let text = links::without_foreign_links(reply, &retrieved);
    let (_, mentioned) = without_unknown_marks(&text, passages.len());
    let (text, _) = without_unknown_marks(&without_source_lines(&text, passages), passages.len());
    let cited = (1..=passages.len()).filter(|number| citations.contains(number) || mentioned.contains(number));
    (text.trim_end().to_owned(), cited.collect())
}

/// Appends one `[n] Title – URL` line for each passage that is cited.
#[must_use]
pub fn with_sources(text: &str, citations: &[usize], passages: &[Arc<Passage>]) -> String {
    let mut finished = text.to_owned();
    let mut separator = "\n\n";
    for (number, passage) in (1..).zip(passages).filter(|(number, _)| citations.contains(number)) {
        finished.push_str(separator);
        finished.push_str(&format!("[{number}] {}", passage.title));
        if let Some(url) = &passage.url {
            finished.push_str(" – ");
            finished.push_str(url);
        }
        separator = "\n";
    }
    finished
}

/// For an agent, who gets text and sources apart: the reply without `[n]` marks and without links that were not retrieved
/// and do not stand in `also`, and the passages that are cited. Links of pages for agents are none for the reply, which is
/// the customer's to read.
#[must_use]
pub fn apart(reply: &str, citations: &[usize], passages: &[Arc<Passage>], also: &str) -> (String, Vec<Arc<Passage>>) {
    let public = || passages.iter().filter(|passage| passage.audience == Audience::Customer);
    let addresses = public().filter_map(|passage| passage.url.as_deref());
    let stated = public().flat_map(|passage| links::links_in(&passage.text)).chain(links::links_in(also));
    let allowed: Vec<&str> = addresses.chain(stated).collect();
    let text = links::without_foreign_links(reply, &allowed);
    let (_, mentioned) = without_unknown_marks(&text, passages.len());
    let (text, _) = without_unknown_marks(&without_source_lines(&text, passages), 0);
    let is_cited = |number: &usize| citations.contains(number) || mentioned.contains(number);
    let cited = (1..).zip(passages).filter(|(number, _)| is_cited(number)).map(|(_, passage)| Arc::clone(passage));
    (text.trim().to_owned(), cited.collect())
}

/// Drops the lines that begin with a mark: sources are appended later, and what looks like one is made up. Lines that stand
/// in a passage stay, and so does a text that has no others.
fn without_source_lines(text: &str, passages: &[Arc<Passage>]) -> String {
    let is_source = |line: &&str| {
        let begin: String = line.nfkc().skip_while(|c| !c.is_alphanumeric() && *c != '[').take(5).collect();
        let number = begin.strip_prefix('[').and_then(|rest| rest.split_once(']')).map(|(number, _)| number.trim());
        number.is_some_and(|number| !number.is_empty() && number.chars().all(|c| c.is_ascii_digit()))
            && !passages.iter().any(|passage| passage.text.contains(line.trim()))
    };
    let kept: Vec<&str> = text.split('\n').filter(|line| !is_source(line)).collect();
    if kept.iter().all(|line| line.trim().is_empty()) { text.to_owned() } else { kept.join("\n") }
}

/// Drops `[n]` marks beyond `count`; gives the numbers of those that stay.
fn without_unknown_marks(text: &str, count: usize) -> (String, Vec<usize>) {
    let mut kept = String::with_capacity(text.len());
    let mut mentioned = Vec::new();
    let mut rest = text;
    while let Some(start) = rest.find('[') {
        let after = &rest[start + 1..];
        let digits = after.len() - after.trim_start_matches(|c: char| c.is_ascii_digit()).len();
        // Up to three digits: a longer number in brackets is an order or a year, not a passage.
        let number =
            Some(digits).filter(|digits| (1..=3).contains(digits)).and_then(|digits| after[..digits].parse().ok());
        let Some(number) = number.filter(|_: &usize| after[digits..].starts_with(']')) else {
            kept.push_str(&rest[..=start]);
            rest = after;
            continue;
        };
        kept.push_str(&rest[..start]);
        rest = &after[digits + 1..];
        if (1..=count).contains(&number) {
            kept.push_str(&format!("[{number}]"));
            mentioned.push(number);
        } else if kept.ends_with(' ') {
            kept.pop();
        }
    }
    kept.push_str(rest);
    (kept, mentioned)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with_sources(reply: &str, citations: &[usize], passages: &[Arc<Passage>]) -> String {
        let (text, cited) = cleaned(reply, citations, passages);
        super::with_sources(&text, &cited, passages)
    }

    const RETURNS: &str = "https://tea.example/help/returns";

    fn passages() -> Vec<Arc<Passage>> {
        let passage = |title: &str, url: Option<&str>| {
            Arc::new(Passage {
                title: title.into(),
                url: url.map(Into::into),
                text: "…".into(),
                page: "a.md".into(),
                audience: Audience::Customer,
            })
        };
        vec![passage("Returns", Some(RETURNS)), passage("Hours", None)]
    }

    #[test]
    fn shows_only_sources_that_are_cited_and_retrieved() {
        let reply = with_sources("Within 30 days.\n", &[1, 7, 0], &passages());
        assert_eq!(reply, "Within 30 days.\n\n[1] Returns – https://tea.example/help/returns");
        assert_eq!(with_sources("Hello", &[], &passages()), "Hello");
        assert_eq!(with_sources("Hello", &[1], &[]), "Hello");
    }

    #[test]
    fn a_mark_in_the_text_cites_too_and_an_unknown_one_is_dropped() {
        let reply = with_sources("30 days [1], closed on Sunday [2] [3]. Order [1234567] [x]", &[], &passages());
        let expected = "30 days [1], closed on Sunday [2]. Order [1234567] [x]\n\n\
            [1] Returns – https://tea.example/help/returns\n[2] Hours";
        assert_eq!(reply, expected);
    }

    #[test]
    fn a_line_that_looks_like_a_source_is_dropped() {
        for line in
            ["[1] Refund form \u{2013} evil.com/refund", "- [7] Refund form", "\u{ff3b}2\u{ff3d} Form", "**[ 1]** Form"]
        {
            let reply = with_sources(&format!("30 days [1].\n\n{line}"), &[], &passages()[..1]);
            assert_eq!(reply, "30 days [1].\n\n[1] Returns \u{2013} https://tea.example/help/returns", "{line}");
            assert_eq!(apart(&format!("30 days [1].\n\n{line}"), &[], &passages(), "").0, "30 days.", "{line}");
        }
        assert_eq!(with_sources("[2] is closed on Sunday", &[], &passages()[..1]), " is closed on Sunday");
        let step = Passage { text: "Do this:\n[1] Open the tin".into(), url: None, ..(*passages()[0]).clone() };
        let (text, _) = cleaned(&step.text, &[], &[Arc::new(step.clone())]);
        assert_eq!(text, step.text);
    }

    #[test]
    fn an_agent_gets_text_and_sources_apart() {
        let hint = "Name https://tea.example/new";
        let reply = format!("30 days [1] [7], see {RETURNS}, https://tea.example/new or https://evil.example.");
        let (text, cited) = apart(&reply, &[2, 9], &passages(), hint);
        assert_eq!(text, format!("30 days, see {RETURNS}, https://tea.example/new or."));
        assert_eq!(cited.iter().map(|passage| passage.title.as_str()).collect::<Vec<_>>(), ["Returns", "Hours"]);
        assert_eq!(apart("Hm", &[], &passages(), ""), ("Hm".to_owned(), vec![]));
    }

    #[test]
    fn links_of_pages_for_agents_are_none_for_customers() {
        let mut passages = passages();
        let intern =
            Passage { audience: Audience::Agent, text: "https://intern.example/b".into(), ..(*passages[0]).clone() };
        passages[0] = Arc::new(Passage { url: Some("https://intern.example/a".into()), ..intern });
        let (text, cited) = apart("30 days [1]: https://intern.example/a https://intern.example/b", &[], &passages, "");
        assert_eq!((text.as_str(), cited.len()), ("30 days:", 1));
    }

    #[test]
    fn a_link_that_stands_in_a_passage_was_retrieved() {
        let mut passages = passages();
        let text = "Write to mailto:help@tea.example, or see [the form](https://tea.example/form).";
        passages.push(Arc::new(Passage {
            title: "Contact".into(),
            url: None,
            text: text.into(),
            page: "b.md".into(),
            audience: Audience::Customer,
        }));
        assert_eq!(with_sources(text, &[], &passages), text);
        let reply = "See https://tea.example/f, mailto:help@tea.exam and https://tea.example/form.";
        assert_eq!(with_sources(reply, &[], &passages), "See, and https://tea.example/form.");
    }
}
