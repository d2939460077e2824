//! The last look at a reply before it is one: it must not carry the instructions that the model was given, and no e-mail
//! address that nobody has shown it.
//!
//! A model can be talked into printing its prompt. What it then writes is compared with the prompt letter by letter, so that
//! case, spaces, punctuation, Markdown, compatibility forms and invisible characters make no difference; also backwards, as a
//! whole or word by word, with each letter shifted by the same number (Caesar, ROT13), and decoded from base64 or hexadecimal. This stops what costs an attacker one sentence. It cannot stop a paraphrase, a translation or a
//! cipher of the attacker's own: nothing that must stay secret belongs into a prompt.

use std::{
    cell::OnceCell,
    collections::{HashSet, VecDeque},
    sync::{Arc, Mutex, PoisonError},
};

use unicode_normalization::UnicodeNormalization;

use super::{draft::is_hidden, links::View, llm::LlmError};
use crate::knowledge::{Audience, Passage};

/// Shared runs of fewer letters are how everybody writes. "I am the AI assistant of Tea Support" has 26 of its own letters
/// and the title's.
const RUN: usize = 24;

/// So many letters in shared runs are no accident: about twelve words. The largest overlap of an honest text that was
/// measured is 36 (a test holds the figure).
const LIMIT: usize = 60;

/// A letter by letter form of a text, in which it is compared.
type Form = fn(&[char]) -> Vec<char>;

/// As it stands; and what differs by a shift has the same steps.
const FORMS: [Form; 2] = [<[char]>::to_vec, steps];

/// Texts whose runs are remembered: every answer of a desk has the same instructions.
const REMEMBERED: usize = 32;

/// What the model was told and may not pass on.
#[derive(Debug, Clone, Copy)]
pub struct Told<'a> {
    /// The whole system text.
    pub system: &'a str,
    /// The desk's own instructions, which are a part of it.
    pub instructions: Option<&'a str>,
    /// The desk's title, which is no secret.
    pub title: &'a str,
    /// What was retrieved, which is there to be said.
    pub passages: &'a [Arc<Passage>],
}

impl Told<'_> {
    /// A reply without e-mail addresses that stand neither in what was retrieved nor in the `known` texts.
    ///
    /// # Errors
    /// [`LlmError::Malformed`] when it carries the instructions.
    pub fn guarded<'a>(&'a self, reply: &str, known: impl Iterator<Item = &'a str>) -> Result<String, LlmError> {
        if self.is_in(reply) {
            return Err(LlmError::Malformed("it repeats its instructions"));
        }
        let retrieved = self.passages.iter().filter(|passage| passage.audience == Audience::Customer);
        Ok(without_foreign_addresses(reply, retrieved.map(|passage| passage.text.as_str()).chain(known)))
    }

    /// Whether `reply` carries a long enough part of the instructions.
    #[must_use]
    fn is_in(&self, reply: &str) -> bool {
        if reply.len() < RUN {
            return false;
        }
        let (system, own) = (Runs::of(self.system), self.instructions.map(Runs::of).unwrap_or_default());
        // Short instructions are given away by fewer letters, but not by a phrase.
        let own_limit = own.letters.clamp(RUN, LIMIT);
        let disguises = disguises(reply);
        FORMS.into_iter().enumerate().any(|(at, form)| {
            let public = Public::new(self, form);
            let is_in = |text: &[char]| {
                shared(text, &system.hashes[at], &public) >= LIMIT
                    || shared(text, &own.hashes[at], &public) >= own_limit
            };
            disguises.iter().any(|text| is_in(&form(text)))
        })
    }

    /// Whether a line as short as a subject carries any of it.
    #[must_use]
    pub fn is_touched_by(&self, subject: &str) -> bool {
        let [plain, _] = FORMS;
        shared(&letters(subject), &Runs::of(self.system).hashes[0], &Public::new(self, plain)) > 0
    }
}

/// The hashes of all runs of [`RUN`] letters in a text, sorted, in each form.
#[derive(Debug, Default)]
struct Runs {
    letters: usize,
    hashes: [Vec<u64>; FORMS.len()],
}

impl Runs {
    /// Of this text, from memory if it was asked for lately.
    fn of(text: &str) -> Arc<Self> {
        static MEMORY: Mutex<VecDeque<(Box<str>, Arc<Runs>)>> = Mutex::new(VecDeque::new());
        let memory = || MEMORY.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((_, runs)) = memory().iter().find(|(known, _)| **known == *text) {
            return Arc::clone(runs);
        }
        let letters = letters(text);
        let hashes = FORMS.map(|form| {
            let mut hashes = hashes(&form(&letters));
            hashes.sort_unstable();
            hashes
        });
        let runs = Arc::new(Self { letters: letters.len(), hashes });
        let mut memory = memory();
        memory.truncate(REMEMBERED - 1);
        memory.push_front((text.into(), Arc::clone(&runs)));
        runs
    }
}

/// The hashes of runs that are there to be said, in one form; made when the first is asked for.
struct Public<'a> {
    told: &'a Told<'a>,
    form: Form,
    hashes: OnceCell<HashSet<u64>>,
}

impl<'a> Public<'a> {
    fn new(told: &'a Told<'a>, form: Form) -> Self {
        Self { told, form, hashes: OnceCell::new() }
    }

    fn has(&self, run: u64) -> bool {
        let hashes = self.hashes.get_or_init(|| {
            let passages = self.told.passages.iter();
            let texts = passages.flat_map(|passage| [passage.title.as_str(), passage.text.as_str()]);
            texts.chain([self.told.title]).flat_map(|text| hashes(&(self.form)(&letters(text)))).collect()
        });
        hashes.contains(&run)
    }
}

/// One hash for each run of [`RUN`] letters, in their order. Rolling: a prompt has thousands of runs.
fn hashes(text: &[char]) -> Vec<u64> {
    const BASE: u64 = 0x9E37_79B9_7F4A_7C15;
    let leaving = (0..RUN).fold(1_u64, |power, _| power.wrapping_mul(BASE));
    let mut hash = 0_u64;
    let mut hashes = Vec::with_capacity(text.len());
    for (at, c) in text.iter().enumerate() {
        hash = hash.wrapping_mul(BASE).wrapping_add(u64::from(u32::from(*c)));
        if let Some(gone) = at.checked_sub(RUN).and_then(|gone| text.get(gone)) {
            hash = hash.wrapping_sub(leaving.wrapping_mul(u64::from(u32::from(*gone))));
        }
        if at + 1 >= RUN {
            hashes.push(hash);
        }
    }
    hashes
}

/// How many letters of `text` stand in one of `runs` that is not public.
fn shared(text: &[char], runs: &[u64], public: &Public<'_>) -> usize {
    let mut count = 0;
    let mut counted_to = 0;
    for (start, hash) in hashes(text).into_iter().enumerate() {
        if runs.binary_search(&hash).is_ok() && !public.has(hash) {
            let end = start + RUN;
            count += end - counted_to.max(start);
            counted_to = end;
        }
    }
    count
}

/// Letters and digits, in lower case; compatibility forms (UAX #15) and tag characters as what they stand for.
fn letters(text: &str) -> Vec<char> {
    let plain = text.chars().map(|c| match c {
        '\u{E0020}'..='\u{E007E}' => u32::from(c).checked_sub(0xE0000).and_then(char::from_u32).unwrap_or(c),
        c => c,
    });
    plain.nfkc().flat_map(char::to_lowercase).filter(|c| c.is_alphanumeric()).collect()
}

/// How far each letter is from the one before it in the alphabet; other characters as they are.
fn steps(text: &[char]) -> Vec<char> {
    let place = |c: char| u8::try_from(c).ok().filter(u8::is_ascii_lowercase);
    let step = |before: &char, c: &char| match (place(*before), place(*c)) {
        (Some(before), Some(here)) => char::from(b'A' + (here + 26 - before) % 26),
        (None, Some(_)) => 'a',
        (_, None) => *c,
    };
    text.iter().zip(text.iter().skip(1)).map(|(before, c)| step(before, c)).collect()
}

/// The letters of a reply, as they stand and as a reader could make them with a tool that everybody has.
fn disguises(reply: &str) -> Vec<Vec<char>> {
    let plain = letters(reply);
    let backwards = plain.iter().rev().copied().collect();
    let words = reply.split_whitespace().flat_map(|word| letters(word).into_iter().rev()).collect();
    let mut all = vec![plain, backwards, words];
    // Lines may be broken anywhere in an encoded text.
    let dense: String = reply.chars().filter(|c| !c.is_whitespace() && !is_hidden(*c)).collect();
    let is_base64 = |c: char| c.is_ascii_alphanumeric() || "+/-_".contains(c);
    for run in dense.split(|c| !is_base64(c)).filter(|run| run.len() > RUN) {
        // A word before it shifts the groups of four.
        all.extend((0..4).filter_map(|skip| Some(letters(&base64(run.get(skip..)?)))));
    }
    for run in dense.split(|c: char| !c.is_ascii_hexdigit()).filter(|run| run.len() > 2 * RUN) {
        all.extend((0..2).filter_map(|skip| Some(letters(&hexadecimal(run.get(skip..)?)))));
    }
    all
}

/// Both alphabets (RFC 4648 §4, §5), and no complaint about the end.
fn base64(text: &str) -> String {
    let value = |c: u8| match c {
        b'A'..=b'Z' => c - b'A',
        b'a'..=b'z' => c - b'a' + 26,
        b'0'..=b'9' => c - b'0' + 52,
        b'+' | b'-' => 62,
        _ => 63,
    };
    let groups = text.as_bytes().chunks(4).flat_map(|group| {
        let bits = group.iter().fold(0_u32, |bits, c| bits << 6 | u32::from(value(*c))) << (6 * (4 - group.len()));
        let [_, bytes @ ..] = bits.to_be_bytes();
        bytes.into_iter().take(group.len().saturating_sub(1))
    });
    String::from_utf8_lossy(&groups.collect::<Vec<u8>>()).into_owned()
}

fn hexadecimal(text: &str) -> String {
    let pairs = text.as_bytes().chunks_exact(2).filter_map(|pair| std::str::from_utf8(pair).ok());
    let bytes: Vec<u8> = pairs.filter_map(|pair| u8::from_str_radix(pair, 16).ok()).collect();
    String::from_utf8_lossy(&bytes).into_owned()
}

/// Removes every e-mail address that stands in none of the `known` texts: what a model was shown it may repeat, and what it
/// made up, or was told to say, may be anybody's.
#[must_use]
fn without_foreign_addresses<'a>(reply: &str, known: impl Iterator<Item = &'a str>) -> String {
    let lower = |view: &View, from: usize, to: usize| view.text[from..to].to_lowercase();
    let known: HashSet<String> = known
        .flat_map(|text| {
            let view = View::of(text);
            addresses(&view.text).map(|(from, to)| lower(&view, from, to)).collect::<Vec<_>>()
        })
        .collect();
    let view = View::of(reply);
    let mut kept = String::with_capacity(reply.len());
    let mut done = 0;
    for (from, to) in addresses(&view.text) {
        let is_known = known.contains(&lower(&view, from, to));
        let (from, to) = view.range(from, to);
        // Of `a@b.example@c.example` the first takes the second's beginning.
        let from = from.max(done);
        if to > from && !is_known {
            kept.push_str(reply[done..from].trim_end_matches(' '));
            done = to;
        }
    }
    kept.push_str(&reply[done..]);
    kept
}

/// The byte ranges of e-mail addresses, and of JIDs, which look the same.
fn addresses(text: &str) -> impl Iterator<Item = (usize, usize)> {
    text.match_indices('@').filter_map(|(at, _)| {
        let is_local = |c: char| c.is_alphanumeric() || ".!#$%&'*+/=?^_`{|}~-".contains(c);
        let before = text[..at].trim_end_matches(is_local).len();
        // Quotes and the like before it are no part of it.
        let from = before + text[before..at].find(char::is_alphanumeric)?;
        let after = &text[at + 1..];
        let length = after.find(|c: char| !(c.is_alphanumeric() || ".-".contains(c))).unwrap_or(after.len());
        let domain = after[..length].trim_end_matches(['.', '-']);
        (domain.contains('.') && domain.starts_with(char::is_alphanumeric)).then_some((from, at + 1 + domain.len()))
    })
}

#[cfg(test)]
mod tests;
