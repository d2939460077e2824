//! The same parser as tokio-xmpp's, fed first: what it refuses never reaches the real one.

use rxml::{Error, Event, Parse, Parser, error::EndOrError};

use super::Reason;

/// A parser in the state that the real one is in between two stanzas.
#[derive(Debug, Default)]
pub(super) struct Twin {
    /// The stream's own header: it declares the namespaces, and a new twin starts with it.
    prolog: Vec<u8>,
    parser: Parser,
}

impl Twin {
    /// Starts with everything up to the end of the stream header's start tag.
    pub fn open(&mut self, prolog: &[u8]) -> Result<(), Error> {
        self.prolog = prolog.to_vec();
        self.restart()
    }

    /// Whether the parser takes `stanza`, and takes it as exactly one element.
    pub fn judge(&mut self, stanza: &[u8]) -> Result<(), Reason> {
        let verdict = self.parse_stanza(stanza);
        if verdict.is_err() {
            // An rxml parser that has failed once fails for ever. The same header was accepted before.
            let _ = self.restart();
        }
        verdict
    }

    /// Whether the parser takes the stream's footer.
    pub fn close(&mut self, footer: &[u8]) -> Result<(), Error> {
        self.feed(footer, |_, _| {})
    }

    fn restart(&mut self) -> Result<(), Error> {
        self.parser = Parser::default();
        let prolog = std::mem::take(&mut self.prolog);
        let result = self.feed(&prolog, |_, _| {});
        self.prolog = prolog;
        result
    }

    fn feed(&mut self, mut bytes: &[u8], mut seen: impl FnMut(Event, usize)) -> Result<(), Error> {
        loop {
            match self.parser.parse(&mut bytes, false) {
                Ok(Some(event)) => seen(event, bytes.len()),
                Ok(None) | Err(EndOrError::NeedMoreData) => return Ok(()),
                Err(EndOrError::Error(error)) => return Err(error),
            }
        }
    }

    fn parse_stanza(&mut self, stanza: &[u8]) -> Result<(), Reason> {
        let mut depth = 0_i64;
        let mut whole = false;
        let mut astray = false;
        self.feed(stanza, |event, left| match event {
            Event::StartElement(..) => {
                astray |= whole;
                depth += 1;
            }
            Event::EndElement(_) => {
                depth -= 1;
                if depth == 0 {
                    // Anything behind the end would be a second stanza, which the scanner would have cut off.
                    astray |= whole || left != 0;
                    whole = true;
                }
            }
            Event::Text(..) | Event::XmlDeclaration(..) => {}
        })
        .map_err(|error| match error {
            Error::RestrictedXml(_) => Reason::TokenTooLong,
            _ => Reason::Malformed,
        })?;
        if whole && depth == 0 && !astray { Ok(()) } else { Err(Reason::Malformed) }
    }
}
