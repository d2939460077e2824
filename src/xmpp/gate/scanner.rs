//! Finds the borders of stanzas in a byte stream, one byte once, with a few words of state.
//!
//! It is no XML parser: it only has to agree with one about where a well-formed stanza ends. Whether a stanza
//! is well-formed is the [twin](super::twin)'s question.

use memchr::memchr;

use super::{Limits, Reason};

/// Where in the stream some bytes lie.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Place {
    /// Up to and including the stream header's start tag.
    Prolog,
    /// Character data between stanzas: white space, if the server is sane.
    Between,
    /// A stanza, the stream footer, or markup that has no place in a stream.
    Markup,
    /// Behind the stream footer.
    After,
}

/// What ended with the last byte of a step.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Ended {
    Header,
    Stanza,
    Footer,
    /// A comment, processing instruction, declaration or CDATA section between stanzas.
    Junk,
}

/// The next bytes that belong together.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Step {
    /// How many bytes; never 0 for a non-empty input.
    pub len: usize,
    pub place: Place,
    pub ended: Option<Ended>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Lex {
    Text,
    /// After `<`.
    Less,
    StartTag,
    /// In an attribute's value, with its quote.
    Value(u8),
    /// After a `/` in a start tag.
    Slash,
    EndTag,
    /// In a processing instruction; whether the last byte was `?`.
    Instruction(bool),
    /// After `<!`.
    Bang,
    /// After `<!-`.
    BangDash,
    /// In a comment, with the number of dashes just seen, at most 2.
    Comment(u8),
    /// In a CDATA section, with the number of `]` just seen, at most 2.
    Cdata(u8),
    /// In `<!DOCTYPE …>` and the like: open brackets, and the open quote or 0.
    Declaration(u32, u8),
}

/// The state between two calls of [`Scanner::scan`].
#[derive(Debug)]
pub(super) struct Scanner {
    limits: Limits,
    lex: Lex,
    /// Open elements; 1 is the stream itself.
    depth: u64,
    elements: u32,
    attributes: u32,
    /// Bytes of the name or value being read.
    token: usize,
    violation: Option<Reason>,
    closed: bool,
}

impl Scanner {
    pub fn new(limits: Limits) -> Self {
        Self { limits, lex: Lex::Text, depth: 0, elements: 0, attributes: 0, token: 0, violation: None, closed: false }
    }

    /// Why the stanza that the last step belonged to must be refused, as far as is known.
    pub fn violation(&self) -> Option<Reason> {
        self.violation
    }

    /// Elements of the stanza so far.
    pub fn elements(&self) -> u32 {
        self.elements
    }

    /// Attributes of the stanza so far.
    pub fn attributes(&self) -> u32 {
        self.attributes
    }

    /// Reads on until something ends, the place changes or the bytes are used up.
    pub fn scan(&mut self, bytes: &[u8]) -> Step {
        let all = |place| Step { len: bytes.len(), place, ended: None };
        if self.closed {
            return all(Place::After);
        }
        if self.depth == 1 && self.lex == Lex::Text {
            match memchr(b'<', bytes) {
                None => return all(Place::Between),
                Some(0) => self.begin(),
                Some(len) => return Step { len, place: Place::Between, ended: None },
            }
        }
        let place = if self.depth == 0 { Place::Prolog } else { Place::Markup };
        let mut at = 0;
        loop {
            at += self.skip(&bytes[at..]);
            let Some(&byte) = bytes.get(at) else { return all(place) };
            at += 1;
            if let Some(ended) = self.push(byte) {
                return Step { len: at, place, ended: Some(ended) };
            }
        }
    }

    fn begin(&mut self) {
        self.elements = 0;
        self.attributes = 0;
        self.violation = None;
    }

    fn refuse(&mut self, reason: Reason) {
        self.violation.get_or_insert(reason);
    }

    /// The number of leading bytes that cannot change the state: most of a body or a value.
    fn skip(&mut self, bytes: &[u8]) -> usize {
        let stop = match self.lex {
            Lex::Text => b'<',
            Lex::Value(quote) => quote,
            Lex::EndTag => b'>',
            Lex::Instruction(false) => b'?',
            Lex::Comment(0) => b'-',
            Lex::Cdata(0) => b']',
            _ => return 0,
        };
        let len = memchr(stop, bytes).unwrap_or(bytes.len());
        if matches!(self.lex, Lex::Value(_)) {
            self.grow_token(len);
        }
        len
    }

    fn grow_token(&mut self, by: usize) {
        self.token = self.token.saturating_add(by);
        if self.token > self.limits.token_bytes {
            self.refuse(Reason::TokenTooLong);
        }
    }

    fn push(&mut self, byte: u8) -> Option<Ended> {
        match (self.lex, byte) {
            (Lex::Text, b'<') => self.lex = Lex::Less,
            (Lex::Text, _) => {}
            (Lex::Less, b'/') => self.lex = Lex::EndTag,
            (Lex::Less, b'?') => {
                self.refuse(Reason::NotAllowed);
                self.lex = Lex::Instruction(false);
            }
            (Lex::Less, b'!') => self.lex = Lex::Bang,
            (Lex::Less, _) => {
                self.token = 0;
                return self.in_start_tag(byte);
            }
            (Lex::StartTag, _) => return self.in_start_tag(byte),
            (Lex::Slash, b'>') => return self.empty_element(),
            (Lex::Slash, _) => return self.in_start_tag(byte),
            (Lex::Value(quote), _) if byte == quote => {
                self.token = 0;
                self.lex = Lex::StartTag;
            }
            (Lex::Value(_), _) => self.grow_token(1),
            (Lex::EndTag, b'>') => return self.end_tag(),
            (Lex::EndTag, _) => {}
            (Lex::Instruction(true), b'>') => return self.end_of_other(),
            (Lex::Instruction(_), _) => self.lex = Lex::Instruction(byte == b'?'),
            _ => return self.in_bang(byte),
        }
        None
    }

    /// `<!…`: CDATA is legal in a stanza (RFC 6120 §11.1 does not name it), the rest nowhere.
    fn in_bang(&mut self, byte: u8) -> Option<Ended> {
        let next = match (self.lex, byte) {
            (Lex::Bang, b'[') => Lex::Cdata(0),
            (Lex::Bang, b'-') => Lex::BangDash,
            (Lex::BangDash, b'-') => Lex::Comment(0),
            (Lex::Cdata(2) | Lex::Comment(2) | Lex::Bang | Lex::BangDash | Lex::Declaration(0, 0), b'>') => {
                return self.end_of_other();
            }
            (Lex::Cdata(seen), b']') => Lex::Cdata((seen + 1).min(2)),
            (Lex::Cdata(_), _) => Lex::Cdata(0),
            (Lex::Comment(seen), b'-') => Lex::Comment((seen + 1).min(2)),
            (Lex::Comment(_), _) => Lex::Comment(0),
            (Lex::Declaration(open, 0), b'[') => Lex::Declaration(open.saturating_add(1), 0),
            (Lex::Declaration(open, 0), b']') => Lex::Declaration(open.saturating_sub(1), 0),
            (Lex::Declaration(open, 0), b'"' | b'\'') => Lex::Declaration(open, byte),
            (Lex::Declaration(open, quote), _) if byte == quote => Lex::Declaration(open, 0),
            (Lex::Declaration(open, quote), _) => Lex::Declaration(open, quote),
            _ => Lex::Declaration(0, 0),
        };
        self.lex = next;
        if !matches!(next, Lex::Cdata(_)) {
            self.refuse(Reason::NotAllowed);
        }
        None
    }

    fn in_start_tag(&mut self, byte: u8) -> Option<Ended> {
        self.lex = Lex::StartTag;
        match byte {
            b'"' | b'\'' => {
                self.attributes = self.attributes.saturating_add(1);
                if self.attributes > self.limits.attributes {
                    self.refuse(Reason::TooManyAttributes);
                }
                self.token = 0;
                self.lex = Lex::Value(byte);
            }
            b'/' => self.lex = Lex::Slash,
            b'>' => return self.start_tag(),
            b' ' | b'\t' | b'\n' | b'\r' | b'=' => self.token = 0,
            _ => self.grow_token(1),
        }
        None
    }

    fn count_element(&mut self) {
        self.elements = self.elements.saturating_add(1);
        if self.elements > self.limits.elements {
            self.refuse(Reason::TooManyElements);
        }
        self.lex = Lex::Text;
    }

    fn start_tag(&mut self) -> Option<Ended> {
        self.count_element();
        self.depth = self.depth.saturating_add(1);
        if self.depth == 1 {
            return Some(Ended::Header);
        }
        // The stream itself is no level of the stanza.
        if self.depth - 1 > u64::from(self.limits.depth) {
            self.refuse(Reason::TooDeep);
        }
        None
    }

    fn empty_element(&mut self) -> Option<Ended> {
        self.count_element();
        match self.depth {
            0 => {
                self.closed = true;
                Some(Ended::Header)
            }
            1 => Some(Ended::Stanza),
            _ => None,
        }
    }

    fn end_tag(&mut self) -> Option<Ended> {
        self.lex = Lex::Text;
        self.depth = self.depth.saturating_sub(1);
        match self.depth {
            0 => {
                self.closed = true;
                Some(Ended::Footer)
            }
            1 => Some(Ended::Stanza),
            _ => None,
        }
    }

    fn end_of_other(&mut self) -> Option<Ended> {
        self.lex = Lex::Text;
        (self.depth == 1).then_some(Ended::Junk)
    }
}
