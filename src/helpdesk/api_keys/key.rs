//! A key as its program has it: `dbk_ID_SECRET` and six characters that show whether it is whole.
//!
//! The secret has 256 bits of chance in it, so its hash needs to be no slow one: there is nothing that guessing would find.
//! Prefix and check let scanners that look for lost secrets tell a key from any other text without asking us.

use std::fmt;

use rand::RngExt;
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

/// What all keys begin with.
pub const PREFIX: &str = "dbk_";

const LETTERS: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
const ID: usize = 10;
/// 62^43 is more than 2^256.
const SECRET: usize = 43;
const CHECK: usize = 6;

/// A whole key.
#[derive(Clone)]
pub struct Key(String);

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Never the secret.
        write!(f, "Key({})", self.id())
    }
}

impl Key {
    /// A new one.
    pub(super) fn random() -> Self {
        let mut chance = rand::rng();
        let mut word = |length| (0..length).map(|_| letter(chance.random_range(0..62))).collect::<String>();
        let words = format!("{PREFIX}{}_{}", word(ID), word(SECRET));
        let check = check(&words);
        Self(words + &check)
    }

    /// Reads a text that has the form of a key; `None` for anything else, also for one that is mistyped or cut.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let (id, rest) = text.strip_prefix(PREFIX)?.split_once('_')?;
        let is_plain = |word: &str| word.bytes().all(|byte| byte.is_ascii_alphanumeric());
        if id.len() != ID || rest.len() != SECRET + CHECK || !is_plain(id) || !is_plain(rest) {
            return None;
        }
        let (words, given) = text.split_at(text.len() - CHECK);
        (check(words) == given).then(|| Self(text.to_owned()))
    }

    /// The part that is no secret, by which it is listed.
    #[must_use]
    pub fn id(&self) -> &str {
        &self.0[PREFIX.len()..PREFIX.len() + ID]
    }

    /// The key itself, for who will use it.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.0
    }

    /// What is stored of it.
    pub(super) fn hash(&self) -> String {
        Sha256::digest(&self.0).iter().map(|byte| format!("{byte:02x}")).collect()
    }

    /// Whether it is the one with this hash, in a time that does not tell how much of it is right.
    pub(super) fn has(&self, hash: &str) -> bool {
        self.hash().as_bytes().ct_eq(hash.as_bytes()).into()
    }
}

fn letter(number: u32) -> char {
    char::from(LETTERS[number as usize % LETTERS.len()])
}

fn check(words: &str) -> String {
    let digest = Sha256::digest(words);
    let mut number = u32::from_be_bytes([digest[0], digest[1], digest[2], digest[3]]);
    let mut letters = String::new();
    for _ in 0..CHECK {
        letters.push(letter(number % 62));
        number /= 62;
    }
    letters
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_reads_as_it_was_made_and_not_when_a_letter_is_wrong() {
        let (key, other) = (Key::random(), Key::random());
        assert!(key.expose() != other.expose() && key.id() != other.id());
        assert_eq!(key.expose().len(), 64);
        let read = Key::parse(key.expose()).unwrap();
        assert!(read.has(&key.hash()) && !other.has(&key.hash()) && !read.has(""));
        assert_eq!(key.hash().len(), 64);
        assert!(!format!("{key:?}").contains(&key.expose()[15..]));
        for at in 0..key.expose().len() {
            let mut wrong = key.expose().as_bytes().to_vec();
            wrong[at] = if wrong[at] == b'7' { b'8' } else { b'7' };
            assert!(Key::parse(std::str::from_utf8(&wrong).unwrap()).is_none(), "{at}");
        }
        let whole = key.expose();
        for wrong in
            ["", "dbk_", "dbk__", &whole[1..], &whole[..63], &format!("{whole}0"), &format!(" {whole}"), "dbk_äääää_x"]
        {
            assert!(Key::parse(wrong).is_none(), "{wrong}");
        }
    }

    #[test]
    fn a_known_key_stays_a_key() {
        let words = format!("dbk_{}_{}", "0123456789", "A".repeat(43));
        let key = Key::parse(&format!("{words}{}", check(&words))).unwrap();
        assert_eq!(key.id(), "0123456789");
        assert_eq!(key.expose(), "dbk_0123456789_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAtAov02");
    }
}
