//! Which resources have shown themselves on this link.
//!
//! A server that was killed has forgotten who was there. While a client logs in again, its full JID is no session yet,
//! then a session without presence: what comes in the first moment waits among the server's offline messages, what comes
//! in the second goes straight to the client and overtakes it. For the bare JID there is one moment only, since the server
//! hands over what waits and becomes a way to the client at once (XEP-0160 §3, RFC 6121 §8.5.2). So on a new link a
//! customer is written to at its bare JID until the resource has said something, which it can only do behind that moment.

use std::{
    collections::HashSet,
    hash::{BuildHasher, RandomState},
    sync::{Arc, Mutex, PoisonError},
};

use jid::Jid;

/// Resources that are remembered, a few bytes each. Beyond it all are forgotten, and seen anew when they say something.
const MAX: usize = 50_000;

/// Full JIDs that were seen. Clones share them.
#[derive(Clone, Debug, Default)]
pub(super) struct Sightings {
    /// Hashes, because a JID may have 3 KB and anybody can have thousands. Two that are alike do no harm.
    seen: Arc<Mutex<HashSet<u64>>>,
    hashes: Arc<RandomState>,
}

impl Sightings {
    /// A client has said something from this address.
    pub(super) fn note(&self, jid: &Jid) {
        if jid.is_bare() {
            return;
        }
        let hash = self.hashes.hash_one(jid);
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        if seen.len() >= MAX && !seen.contains(&hash) {
            seen.clear();
        }
        seen.insert(hash);
    }

    /// The client has gone.
    pub(super) fn lose(&self, jid: &Jid) {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner).remove(&self.hashes.hash_one(jid));
    }

    /// Where what is meant for this address is to be sent.
    pub(super) fn address(&self, jid: &Jid) -> Jid {
        if self.seen.lock().unwrap_or_else(PoisonError::into_inner).contains(&self.hashes.hash_one(jid)) {
            jid.clone()
        } else {
            Jid::from(jid.to_bare())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn jid(text: &str) -> Jid {
        Jid::new(text).unwrap()
    }

    #[test]
    fn a_resource_is_addressed_while_it_is_known_to_be_there() {
        let (sightings, phone) = (Sightings::default(), jid("ann@example.org/phone"));
        assert_eq!(sightings.address(&phone), jid("ann@example.org"));
        sightings.note(&jid("ann@example.org"));
        sightings.note(&jid("ann@example.org/laptop"));
        assert_eq!(sightings.address(&phone), jid("ann@example.org"));
        sightings.note(&phone);
        assert_eq!(sightings.clone().address(&phone), phone);
        sightings.lose(&phone);
        assert_eq!(sightings.address(&phone), jid("ann@example.org"));
    }

    #[test]
    fn a_flood_of_resources_is_not_remembered_for_ever() {
        let sightings = Sightings::default();
        for number in 0..=MAX {
            sightings.note(&jid(&format!("ann@example.org/{number}")));
        }
        assert_eq!(sightings.seen.lock().unwrap().len(), 1);
        assert_eq!(sightings.address(&jid("ann@example.org/0")), jid("ann@example.org"));
    }
}
