//! The customers: what they ask, what they got, how long it took.

use std::time::{Duration, Instant};

use bytes::{BufMut, BytesMut};
use memchr::memmem;

use crate::{model, wire};

/// One chat: a question of a customer who asks only this one.
struct Chat {
    /// When the question was due: in an open loop a late question is late for the customer too.
    asked: Instant,
    receipts: u8,
    answers: u8,
}

/// Every chat of a run, and its faults.
pub struct Chats {
    chats: Vec<Chat>,
    domain: String,
    desk: String,
    in_flight: usize,
    sample: Sample,
    composing: usize,
    faults: Faults,
}

/// What a phase yielded.
#[derive(Default)]
pub struct Sample {
    /// Chats that had their receipt and their answer.
    pub done: usize,
    /// From question to answer.
    pub answers: Vec<Duration>,
    /// From question to receipt.
    pub receipts: Vec<Duration>,
}

/// What should not have happened. All zero in a sound run.
#[derive(Default, serde::Serialize)]
pub struct Faults {
    /// Questions without a receipt.
    pub no_receipt: usize,
    /// Questions without an answer.
    pub no_answer: usize,
    /// Receipts beyond the first.
    pub second_receipts: usize,
    /// Answers beyond the first.
    pub second_answers: usize,
    /// Texts that are not the model's answer.
    pub other_texts: usize,
    /// Error stanzas.
    pub errors: usize,
    /// Stanzas to nobody who asked.
    pub strays: usize,
}

impl Chats {
    /// Customers at `domain` who write to `desk`.
    pub fn new(domain: &str, desk: String) -> Self {
        Self {
            chats: Vec::new(),
            domain: domain.to_owned(),
            desk,
            in_flight: 0,
            sample: Sample::default(),
            composing: 0,
            faults: Faults::default(),
        }
    }

    /// Questions that wait for their receipt or answer.
    pub fn in_flight(&self) -> usize {
        self.in_flight
    }

    /// Questions asked so far.
    pub fn asked(&self) -> usize {
        self.chats.len()
    }

    /// Typing notices so far.
    pub fn composing(&self) -> usize {
        self.composing
    }

    /// The next customer asks; `due` is when they should have.
    pub fn ask(&mut self, due: Instant, out: &mut BytesMut) {
        let number = self.chats.len();
        self.chats.push(Chat { asked: due, receipts: 0, answers: 0 });
        self.in_flight += 1;
        // What today's clients send along with a text, but for markers: no subject is measured by `displayed`.
        out.put_slice(
            format!(
                "<message from='u{number}@{}/r' to='{}' type='chat' id='m{number}'>\
                 <body>Good morning. The invoice {number} shows my old address, how can I change it?</body>\
                 <active xmlns='http://jabber.org/protocol/chatstates'/><request xmlns='urn:xmpp:receipts'/>\
                 <origin-id xmlns='urn:xmpp:sid:0' id='m{number}'/></message>",
                self.domain, self.desk
            )
            .as_bytes(),
        );
    }

    /// Files a message or presence of the subject.
    pub fn note(&mut self, stanza: &[u8], now: Instant) {
        if !wire::is(stanza, "message") {
            return;
        }
        if wire::attribute(stanza, "type") == Some(b"error") {
            self.faults.errors += 1;
            return;
        }
        if wire::has(stanza, "<composing") {
            self.composing += 1;
        }
        if let Some(at) = memmem::find(stanza, b"<received") {
            let number = wire::attribute(&stanza[at..], "id").and_then(|id| number(id, b'm'));
            match number.and_then(|number| self.chats.get_mut(number)) {
                None => self.faults.strays += 1,
                Some(chat) if chat.receipts > 0 => self.faults.second_receipts += 1,
                Some(chat) => {
                    chat.receipts = 1;
                    self.sample.receipts.push(now - chat.asked);
                    if chat.answers > 0 {
                        self.in_flight -= 1;
                        self.sample.done += 1;
                    }
                }
            }
        }
        if wire::has(stanza, "<body") {
            let number = wire::attribute(stanza, "to").and_then(|to| number(to, b'u'));
            match number.and_then(|number| self.chats.get_mut(number)) {
                None => self.faults.strays += 1,
                Some(_) if !wire::has(stanza, model::REPLY) => self.faults.other_texts += 1,
                Some(chat) if chat.answers > 0 => self.faults.second_answers += 1,
                Some(chat) => {
                    chat.answers = 1;
                    self.sample.answers.push(now - chat.asked);
                    if chat.receipts > 0 {
                        self.in_flight -= 1;
                        self.sample.done += 1;
                    }
                }
            }
        }
    }

    /// What came since the last call.
    pub fn take_sample(&mut self) -> Sample {
        std::mem::take(&mut self.sample)
    }

    /// The faults of the whole run.
    pub fn faults(mut self) -> Faults {
        self.faults.no_receipt = self.chats.iter().filter(|chat| chat.receipts == 0).count();
        self.faults.no_answer = self.chats.iter().filter(|chat| chat.answers == 0).count();
        self.faults
    }
}

/// The number in `m17` or `u17@load.localhost/r`.
fn number(name: &[u8], letter: u8) -> Option<usize> {
    let digits = name.strip_prefix(&[letter])?;
    let end = digits.iter().position(|byte| !byte.is_ascii_digit()).unwrap_or(digits.len());
    std::str::from_utf8(&digits[..end]).ok()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn receipt(number: usize) -> String {
        format!(
            "<message to='u{number}@load.localhost/r'><received xmlns='urn:xmpp:receipts' id='m{number}'/></message>"
        )
    }

    fn answer(number: usize) -> String {
        format!("<message to='u{number}@load.localhost/r'><body>{} …</body></message>", model::REPLY)
    }

    fn played(asked: usize, stanzas: &[String]) -> Chats {
        let mut chats = Chats::new("load.localhost", "support@help.localhost".to_owned());
        let now = Instant::now();
        for _ in 0..asked {
            chats.ask(now, &mut BytesMut::new());
        }
        for stanza in stanzas {
            chats.note(stanza.as_bytes(), now);
        }
        chats
    }

    #[test]
    fn a_chat_is_done_with_its_receipt_and_its_answer_in_any_order() {
        let mut chats = played(3, &[receipt(0), answer(0), answer(1), receipt(1), receipt(2)]);
        assert_eq!((chats.in_flight(), chats.take_sample().done), (1, 2));
        let faults = chats.faults();
        assert_eq!((faults.no_answer, faults.no_receipt), (1, 0));
        assert_eq!((faults.second_answers, faults.second_receipts, faults.strays, faults.other_texts), (0, 0, 0, 0));
    }

    #[test]
    fn every_fault_is_counted() {
        let other = "<message to='u0@load.localhost/r'><body>Sorry, I cannot answer now.</body></message>".to_owned();
        let error = "<message type='error' to='u0@load.localhost/r' id='m0'><body>x</body></message>".to_owned();
        let stanzas = [receipt(0), receipt(0), answer(0), answer(0), answer(7), receipt(8), other, error];
        let faults = played(2, &stanzas).faults();
        assert_eq!((faults.second_receipts, faults.second_answers), (1, 1));
        assert_eq!((faults.strays, faults.other_texts, faults.errors), (2, 1, 1));
        assert_eq!((faults.no_receipt, faults.no_answer), (1, 1));
    }
}
