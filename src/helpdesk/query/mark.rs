//! A place in the event log.

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use deskbridge_entity::event;

/// A place in the event log: behind one event, or at the beginning. It knows its event by its time, too, so that a place in
/// another log, as before a backup was put back, is told.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Mark {
    seq: i64,
    /// Microseconds since 1970.
    at: i64,
}

impl Mark {
    /// What the first byte of an encoded place is.
    const VERSION: u8 = 1;

    /// The place behind this event.
    #[must_use]
    pub fn behind(event: &event::Model) -> Self {
        Self { seq: event.seq, at: event.created_at.timestamp_micros() }
    }

    /// The number of the event that it is behind; 0 at the beginning.
    #[must_use]
    pub fn seq(&self) -> i64 {
        self.seq
    }

    /// As an opaque word for URLs.
    #[must_use]
    pub fn encode(&self) -> String {
        let mut bytes = vec![Self::VERSION];
        bytes.extend_from_slice(&self.seq.to_be_bytes());
        bytes.extend_from_slice(&self.at.to_be_bytes());
        URL_SAFE_NO_PAD.encode(bytes)
    }

    /// Reads what [`Mark::encode`] made; `None` for anything else.
    #[must_use]
    pub fn decode(word: &str) -> Option<Self> {
        let bytes: [u8; 17] = URL_SAFE_NO_PAD.decode(word).ok()?.try_into().ok()?;
        let number = |from: usize| bytes[from..from + 8].try_into().map(i64::from_be_bytes).ok();
        let mark = Self { seq: number(1)?, at: number(9)? };
        (bytes[0] == Self::VERSION && mark.seq >= 0).then_some(mark)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mark_survives_its_encoding_and_junk_is_refused() {
        let mark = Mark { seq: 4_711, at: 1_700_000_000_123_456 };
        let word = mark.encode();
        assert_eq!(Mark::decode(&word), Some(mark));
        let mut newer = URL_SAFE_NO_PAD.decode(&word).unwrap();
        newer[0] = 2;
        let below = Mark { seq: -1, at: 0 }.encode();
        for junk in
            ["", "AAAA", "not base64!", &word[..20], &format!("{word}AA"), &URL_SAFE_NO_PAD.encode(newer), &below]
        {
            assert_eq!(Mark::decode(junk), None, "{junk}");
        }
    }
}
