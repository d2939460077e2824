//! What a message answers (XEP-0461), and the quote for clients that do not know that (XEP-0428).

use jid::BareJid;
use rxml::xml_ncname;
use xmpp_parsers::minidom::Element;

use super::{FALLBACK, sanitize};
use crate::xmpp::stanza::REPLY;

/// Lines of a quote, and characters of each.
const LINES: usize = 3;
const LINE_CHARS: usize = 200;

/// The message that another one answers, as its receiver knows it.
#[derive(Debug, Clone, Copy)]
pub struct Reply<'a> {
    /// Whose message it is.
    pub to: &'a BareJid,
    /// Its id at the receiver's; where that is unknown, the quote is a part of the text.
    pub id: Option<&'a str>,
    /// What it says.
    pub text: &'a str,
}

impl Reply<'_> {
    /// The beginning of the text, as a quote that stands before the answer.
    pub(super) fn quote(&self) -> String {
        let clean = sanitize(self.text);
        let lines = clean.lines().filter(|line| !line.trim().is_empty()).take(LINES);
        lines.map(|line| format!("> {}\n", line.chars().take(LINE_CHARS).collect::<String>())).collect()
    }

    /// Says what is answered, and that `quote` at the body's beginning only repeats it.
    pub(super) fn elements(&self, quote: &str) -> Vec<Element> {
        let Some(id) = self.id else { return Vec::new() };
        let reply = Element::builder("reply", REPLY)
            .attr(xml_ncname!("to").to_owned(), self.to.as_str())
            .attr(xml_ncname!("id").to_owned(), id)
            .build();
        // In code points (XEP-0426).
        let range = Element::builder("body", FALLBACK)
            .attr(xml_ncname!("start").to_owned(), "0")
            .attr(xml_ncname!("end").to_owned(), quote.chars().count().to_string())
            .build();
        let fallback = Element::builder("fallback", FALLBACK).attr(xml_ncname!("for").to_owned(), REPLY);
        let fallback = (!quote.is_empty()).then(|| fallback.append(range).build());
        std::iter::once(reply).chain(fallback).collect()
    }
}
