//! Who is being fetched: so many files at once, one of each customer's, few of each host's, and none for ever while
//! others wait.

use std::{collections::HashMap, hash::Hash, time::Duration};

use reqwest::Url;
use tokio::time::Instant;

use crate::helpdesk::PendingFile;

/// Files fetched at once. Each holds a connection and its buffers, some 500 KB at most.
pub(super) const AT_ONCE: usize = 32;
/// Files of one host fetched at once: a slow one has not all places, and a good one is not flooded.
pub(super) const OF_A_HOST: usize = 4;
/// How long a file keeps its place while others wait for one.
pub(super) const TURN: Duration = Duration::from_secs(5);

/// What is being fetched, each under the key of its run.
#[derive(Debug)]
pub(super) struct Places<K> {
    taken: HashMap<K, Place>,
}

/// One file that is being fetched.
#[derive(Debug)]
pub(super) struct Place {
    pub file: PendingFile,
    pub since: Instant,
    host: String,
}

impl<K: Copy + Eq + Hash> Places<K> {
    pub fn new() -> Self {
        Self { taken: HashMap::new() }
    }

    pub fn take(&mut self, key: K, file: PendingFile, now: Instant) {
        let host = host_of(&file.row.url);
        self.taken.insert(key, Place { file, since: now, host });
    }

    /// The end of a run; `None` if it had to give way before.
    pub fn leave(&mut self, key: K) -> Option<Place> {
        self.taken.remove(&key)
    }

    pub fn len(&self) -> usize {
        self.taken.len()
    }

    pub fn is_full(&self) -> bool {
        self.taken.len() >= AT_ONCE
    }

    pub fn files(&self) -> impl Iterator<Item = &PendingFile> {
        self.taken.values().map(|place| &place.file)
    }

    /// Whether this file's host has no more to do at the moment.
    pub fn has_room_for(&self, file: &PendingFile) -> bool {
        let host = host_of(&file.row.url);
        self.taken.values().filter(|place| place.host == host).count() < OF_A_HOST
    }

    /// Whose turn is over: the longest there.
    pub fn overdue(&self, now: Instant) -> Option<K> {
        let (key, place) = self.taken.iter().min_by_key(|(_, place)| place.since)?;
        (now >= place.since + TURN).then_some(*key)
    }

    /// When the next turn is over.
    pub fn next_end_of_turn(&self) -> Option<Instant> {
        self.taken.values().map(|place| place.since + TURN).min()
    }
}

/// Which server a URL names; what is no URL is refused before anybody is asked.
fn host_of(url: &str) -> String {
    let url = Url::parse(url).ok();
    let host = url.as_ref().and_then(|url| Some((url.host_str()?, url.port_or_known_default()?)));
    host.map_or_else(String::new, |(host, port)| format!("{}:{port}", host.trim_end_matches('.')))
}

#[cfg(test)]
mod tests {
    use chrono::DateTime;
    use deskbridge_entity::attachment;
    use uuid::Uuid;

    use super::*;

    fn file(customer: &str, url: &str) -> PendingFile {
        let row = attachment::Model {
            id: Uuid::now_v7(),
            ticket_id: Uuid::nil(),
            message_id: Uuid::nil(),
            url: url.to_owned(),
            name: None,
            media_type: None,
            size: None,
            sha256: None,
            state: attachment::State::Pending,
            failure: None,
            created_at: DateTime::UNIX_EPOCH,
        };
        PendingFile { row, customer: customer.to_owned(), desk: "support".to_owned() }
    }

    #[test]
    fn a_host_has_few_places_however_it_is_written() {
        let (mut places, now) = (Places::new(), Instant::now());
        let spellings =
            ["https://up.example/1", "https://UP.example:443/2", "https://up.example./3", "https://me@up.example/4"];
        for (key, url) in spellings.into_iter().enumerate() {
            assert!(places.has_room_for(&file("new", "https://up.example/x")), "{url}");
            places.take(key, file(&format!("customer {key}"), url), now);
        }
        assert!(!places.has_room_for(&file("new", "https://up.example/x")));
        assert!(places.has_room_for(&file("new", "https://up.example:8443/x")));
        assert!(places.has_room_for(&file("new", "https://down.example/x")));
        places.leave(2);
        assert!(places.has_room_for(&file("new", "https://up.example/x")));
    }

    #[test]
    fn the_longest_there_gives_way_after_its_turn() {
        let (mut places, now) = (Places::new(), Instant::now());
        for key in 0..AT_ONCE {
            assert!(!places.is_full());
            let later = now + Duration::from_millis(key as u64);
            places.take(key, file(&format!("customer {key}"), &format!("https://{key}.example/")), later);
        }
        assert!(places.is_full());
        assert_eq!(places.overdue(now + TURN - Duration::from_millis(1)), None);
        assert_eq!(places.next_end_of_turn(), Some(now + TURN));
        assert_eq!(places.overdue(now + TURN + Duration::from_secs(1)), Some(0));
        assert_eq!(places.leave(0).unwrap().file.customer, "customer 0");
        assert!(!places.is_full() && places.leave(0).is_none());
        assert_eq!(places.overdue(now + TURN + Duration::from_secs(1)), Some(1));
    }
}
