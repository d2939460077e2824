//! What the gate says about a stanza it kept back.

use std::fmt;

use jid::Jid;

/// The longest `id` that is kept for an answer, in bytes.
const ID_BYTES: usize = 1024;
/// The longest address, in bytes (RFC 7622 §3.1: three parts of 1023, `@` and `/`).
const JID_BYTES: usize = 3071;
/// The longest element name or `type`, in bytes; those that matter have at most 12.
const NAME_BYTES: usize = 64;

/// Why a stanza was kept back.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Reason {
    /// More bytes than [`Limits::stanza_bytes`](super::Limits::stanza_bytes).
    TooLarge,
    /// Elements nested deeper than [`Limits::depth`](super::Limits::depth).
    TooDeep,
    /// More elements than [`Limits::elements`](super::Limits::elements).
    TooManyElements,
    /// More attributes than [`Limits::attributes`](super::Limits::attributes).
    TooManyAttributes,
    /// A name or an attribute's value longer than [`Limits::token_bytes`](super::Limits::token_bytes).
    TokenTooLong,
    /// A comment, a processing instruction or a declaration (RFC 6120 §11.1).
    NotAllowed,
    /// The parser does not take it: an illegal character, an unknown prefix, a doubled attribute, …
    Malformed,
    /// Text or markup between stanzas. Reported once for each run of it, and there is nobody to answer.
    OutsideStanza,
    /// The sender has sent more than its [`Rate`](super::Rate) allows.
    TooMuch,
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::TooLarge => "the stanza is too large",
            Self::TooDeep => "the stanza is nested too deeply",
            Self::TooManyElements => "the stanza has too many elements",
            Self::TooManyAttributes => "the stanza has too many attributes",
            Self::TokenTooLong => "a name or an attribute is too long",
            Self::NotAllowed => "comments, instructions and declarations are not allowed",
            Self::Malformed => "the stanza is not well-formed",
            Self::OutsideStanza => "there was content between stanzas",
            Self::TooMuch => "the sender sends too much",
        })
    }
}

/// A stanza that was kept back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rejected {
    /// Why.
    pub reason: Reason,
    /// Who sent what, as far as it could be read; `None` if it was no element.
    pub head: Option<Head>,
    /// Stanzas that were kept back before this one without a report of their own.
    pub unreported: u64,
}

/// What of a kept-back stanza's start tag is needed to answer it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Head {
    /// The element's name as written, such as `message`.
    pub name: String,
    /// `from`, if it is an address.
    pub from: Option<Jid>,
    /// `to`, if it is an address.
    pub to: Option<Jid>,
    /// `id`, if it is legal text of at most 1024 bytes.
    pub id: Option<String>,
    /// `type`, if it is short.
    pub kind: Option<String>,
}

impl Head {
    /// Reads a start tag for what it is worth: the stanza was refused, so nothing about it is certain. Attributes
    /// behind the first thing that is no attribute are not seen.
    pub(super) fn read(stanza: &[u8]) -> Option<Self> {
        let mut rest = stanza.strip_prefix(b"<")?;
        let name = take_until(&mut rest, |byte| byte.is_ascii_whitespace() || matches!(byte, b'/' | b'>'));
        if name.is_empty() || name.len() > NAME_BYTES || matches!(name[0], b'!' | b'?') {
            return None;
        }
        let name = std::str::from_utf8(name).ok()?.to_owned();
        let mut head = Self { name, from: None, to: None, id: None, kind: None };
        while let Some((key, value)) = take_attribute(&mut rest) {
            match key {
                b"from" => head.from = text(value, JID_BYTES).and_then(|jid| Jid::new(&jid).ok()),
                b"to" => head.to = text(value, JID_BYTES).and_then(|jid| Jid::new(&jid).ok()),
                b"id" => head.id = text(value, ID_BYTES),
                b"type" => head.kind = text(value, NAME_BYTES),
                _ => {}
            }
        }
        Some(head)
    }
}

/// The stanza's `from` as it is written, without a resource.
pub(super) fn sender(stanza: &[u8]) -> Option<&[u8]> {
    let mut rest = stanza.strip_prefix(b"<")?;
    take_until(&mut rest, |byte| byte.is_ascii_whitespace() || matches!(byte, b'/' | b'>'));
    while let Some((key, value)) = take_attribute(&mut rest) {
        if key == b"from" {
            return value.split(|byte| *byte == b'/').next();
        }
    }
    None
}

fn take_until<'a>(rest: &mut &'a [u8], stop: impl Fn(u8) -> bool) -> &'a [u8] {
    let len = rest.iter().position(|&byte| stop(byte)).unwrap_or(rest.len());
    let (taken, left) = rest.split_at(len);
    *rest = left;
    taken
}

fn take_attribute<'a>(rest: &mut &'a [u8]) -> Option<(&'a [u8], &'a [u8])> {
    *rest = rest.trim_ascii_start();
    let key = take_until(rest, |byte| byte.is_ascii_whitespace() || matches!(byte, b'=' | b'/' | b'>' | b'<'));
    *rest = rest.trim_ascii_start().strip_prefix(b"=")?.trim_ascii_start();
    let quote = *rest.first().filter(|byte| matches!(byte, b'"' | b'\''))?;
    *rest = &rest[1..];
    let value = take_until(rest, |byte| byte == quote);
    *rest = rest.strip_prefix(&[quote])?;
    Some((key, value))
}

/// The value with its references resolved, or `None` if it is too long or holds anything illegal.
fn text(raw: &[u8], most: usize) -> Option<String> {
    // A reference is at most ten times as long as what it stands for.
    if raw.len() > most * 10 {
        return None;
    }
    let mut raw = std::str::from_utf8(raw).ok()?;
    let mut text = String::new();
    while let Some((before, behind)) = raw.split_once('&') {
        let (name, left) = behind.split_once(';')?;
        text.push_str(before);
        text.push(resolve(name)?);
        raw = left;
    }
    text.push_str(raw);
    (text.len() <= most && text.chars().all(is_xml_char)).then_some(text)
}

fn resolve(reference: &str) -> Option<char> {
    let code = match reference {
        "amp" => return Some('&'),
        "lt" => return Some('<'),
        "gt" => return Some('>'),
        "quot" => return Some('"'),
        "apos" => return Some('\''),
        _ => reference.strip_prefix('#')?,
    };
    let code = match code.strip_prefix('x') {
        Some(hex) => u32::from_str_radix(hex, 16),
        None => code.parse(),
    };
    char::from_u32(code.ok()?)
}

/// Whether XML 1.0 §2.2 allows the character.
pub(crate) fn is_xml_char(c: char) -> bool {
    matches!(c, '\t' | '\n' | '\r' | ' '..='\u{FFFD}' | '\u{10000}'..)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_head_is_read_whatever_stands_around_it() {
        let head = Head::read(
            b"<message\n xml:lang='en' to = \"support@help.example\" id='a&lt;&#x31;' type='chat' from='a@b/c&amp;'><a",
        )
        .unwrap();
        assert_eq!(head.name, "message");
        assert_eq!(head.from.unwrap().as_str(), "a@b/c&");
        assert_eq!(head.to.unwrap().as_str(), "support@help.example");
        assert_eq!(head.id.as_deref(), Some("a<1"));
        assert_eq!(head.kind.as_deref(), Some("chat"));
    }

    #[test]
    fn a_sender_is_known_whatever_its_resource() {
        for stanza in [
            "<iq from='a@b'/>",
            "<iq to=\"from='x'\" from = 'a@b/c'/>",
            "<presence\nfrom=\"a@b/c/d\">",
            "<m from='a@b/",
        ] {
            let expected = stanza.ends_with('>').then_some(&b"a@b"[..]);
            assert_eq!(sender(stanza.as_bytes()), expected, "{stanza}");
        }
        assert_eq!(sender(b"<handshake/>"), None);
        assert_eq!(sender(b"<stream:error><a from='b'/></stream:error>"), None);
    }

    #[test]
    fn what_is_illegal_or_too_long_is_left_out() {
        let stanza = format!("<message a='\u{FFFE}' id='{}' type='\u{FFFF}' to='@@' from='a@b'/>", "i".repeat(1025));
        let head = Head::read(stanza.as_bytes()).unwrap();
        assert_eq!((head.id, head.kind, head.to), (None, None, None));
        assert_eq!(head.from.unwrap().as_str(), "a@b");
    }

    #[test]
    fn references_that_mean_nothing_are_not_guessed() {
        for id in ["&nbsp;", "&#xD800;", "&#1;", "&", "&amp", "&#x;", "&#99999999999;"] {
            let head = Head::read(format!("<iq id='{id}'/>").as_bytes()).unwrap();
            assert_eq!(head.id, None, "{id}");
        }
    }

    #[test]
    fn what_is_no_element_has_no_head() {
        for bytes in [&b"<!-- x -->"[..], b"<?pi?>", b"", b"<", b"< a='b'>", b"<\xff/>"] {
            assert_eq!(Head::read(bytes), None);
        }
    }

    #[test]
    fn an_unfinished_start_tag_gives_what_it_has() {
        for bytes in [&b"<iq from='a@b' id"[..], b"<iq from='a@b' id=", b"<iq from='a@b' id='x", b"<iq from='a@b' <"] {
            let head = Head::read(bytes).unwrap();
            assert_eq!(head.from.unwrap().as_str(), "a@b");
            assert_eq!(head.id, None);
        }
    }
}
