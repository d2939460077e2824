//! The text of a message: which body, and what of it is only there for clients that know less (XEP-0428).

use std::ops::Range;

use rxml::Namespace;
use xmpp_parsers::{minidom::Element, ns};

use super::{REPLY, SFS, STANZA_NAMESPACES};

/// XEP-0428: the parts of a body that repeat what another element says.
const FALLBACK: &str = "urn:xmpp:fallback:0";

/// A message's text; there is none if it is blank.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Body {
    pub text: String,
}

impl Body {
    /// The best of the bodies: without a language, else the English one, else the first. A doubled body, which RFC 6121
    /// §5.2.3 forbids, is forgiven.
    pub fn of(stanza: &Element) -> Option<Self> {
        let bodies = stanza.children().filter(|child| child.is("body", STANZA_NAMESPACES));
        let (_, text) = bodies
            .map(|body| (language_rank(body), body.text()))
            .filter(|(_, text)| !is_blank(text))
            // `min_by_key` takes the first of equals.
            .min_by_key(|(rank, _)| *rank)?;
        let mut text = without_fallback(stanza, text)?;
        text.retain(|c| c != '\0');
        text.truncate(text.trim_end().len());
        (!is_blank(&text)).then_some(Self { text })
    }
}

fn is_blank(text: &str) -> bool {
    text.chars().all(|c| c.is_whitespace() || c == '\0')
}

fn language_rank(body: &Element) -> u8 {
    match body.attr_ns(Namespace::xml(), "lang") {
        None | Some("") => 0,
        Some(language) if language == "en" || language.starts_with("en-") => 1,
        Some(_) => 2,
    }
}

/// Cuts out what only stands in for another element that we understand. `None`: nothing else was there.
fn without_fallback(stanza: &Element, text: String) -> Option<String> {
    let understood = [ns::REACTIONS, ns::OOB, SFS];
    let has = |feature: &&str| stanza.children().any(|child| child.has_ns(*feature));
    let mut stand_in: Vec<_> = understood.into_iter().filter(has).flat_map(|feature| ranges(stanza, feature)).collect();
    let quoted = if stanza.has_child("reply", REPLY) { ranges(stanza, REPLY) } else { Vec::new() };
    // A reply without words of its own is a mistaken range rather than nothing said: then the quote stays.
    let is_mistaken = !quoted.is_empty() && is_blank(&cut(&text, quoted.clone())) && stand_in.is_empty();
    if !is_mistaken {
        stand_in.extend(quoted);
    }
    let rest = cut(&text, stand_in);
    (!is_blank(&rest)).then_some(rest)
}

fn fallbacks<'a>(stanza: &'a Element, feature: &'a str) -> impl Iterator<Item = &'a Element> {
    stanza.children().filter(move |child| child.is("fallback", FALLBACK) && child.attr("for") == Some(feature))
}

/// The parts to cut, in code points; one that makes no sense is left out. No `<body/>` means the whole body
/// (XEP-0428 §2.2).
fn ranges(stanza: &Element, feature: &str) -> Vec<Range<usize>> {
    let mut ranges = Vec::new();
    for fallback in fallbacks(stanza, feature) {
        let mut named = fallback.children().filter(|part| part.has_ns(FALLBACK)).peekable();
        if named.peek().is_none() {
            ranges.push(0..usize::MAX);
        }
        for part in named.filter(|part| part.name() == "body") {
            let edge = |name, default| part.attr(name).map_or(Some(default), |edge| edge.trim().parse::<usize>().ok());
            if let (Some(start), Some(end)) = (edge("start", 0), edge("end", usize::MAX))
                && start < end
            {
                ranges.push(start..end);
            }
        }
    }
    ranges
}

/// The ranges may overlap.
fn cut(text: &str, mut ranges: Vec<Range<usize>>) -> String {
    ranges.sort_unstable_by_key(|range| range.start);
    let mut ranges = ranges.iter().peekable();
    let mut cut_to = 0;
    text.chars()
        .enumerate()
        .filter(|(at, _)| {
            while let Some(range) = ranges.next_if(|range| range.start <= *at) {
                cut_to = cut_to.max(range.end);
            }
            *at >= cut_to
        })
        .map(|(_, c)| c)
        .collect()
}
