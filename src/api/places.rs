//! Places for connections. When all are taken, the one that has been idle longest gives way to the next.
//!
//! Idle is who has no request running: a client between two requests, or one that has not sent a whole header yet. So
//! nobody needs a token to be let in, and nobody keeps others out by holding connections. Whose address holds the most
//! places gives way first; there is no fixed share, because behind a proxy all clients have one address.

use std::{
    collections::HashMap,
    net::{IpAddr, Ipv6Addr},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use tokio::{sync::Notify, time::Instant};
use tokio_util::sync::CancellationToken;

/// All places.
pub(super) struct Places {
    most: usize,
    seats: Mutex<Seats>,
    /// A place is free, or its connection idle.
    freed: Notify,
}

#[derive(Default)]
struct Seats {
    next: u64,
    taken: HashMap<u64, Seat>,
}

struct Seat {
    from: IpAddr,
    is_busy: bool,
    /// When it was taken, or its last request ended.
    since: Instant,
    leave: CancellationToken,
}

/// The place of one connection, free again when this is dropped.
pub(super) struct Place {
    places: Arc<Places>,
    number: u64,
    leave: CancellationToken,
}

/// While this lives, the connection has a request running.
pub(super) struct Busy(Arc<Place>);

impl Places {
    pub(super) fn new(most: usize) -> Arc<Self> {
        Arc::new(Self { most, seats: Mutex::default(), freed: Notify::new() })
    }

    /// A place for a connection from `address`; where there is none, it is waited for.
    pub(super) async fn take(self: &Arc<Self>, address: IpAddr) -> Place {
        loop {
            if let Some(place) = self.free(address) {
                return place;
            }
            self.make_room();
            self.freed.notified().await;
        }
    }

    fn free(self: &Arc<Self>, address: IpAddr) -> Option<Place> {
        let mut seats = self.seats();
        if seats.taken.len() >= self.most {
            return None;
        }
        let number = seats.next;
        seats.next += 1;
        let leave = CancellationToken::new();
        let seat = Seat { from: network(address), is_busy: false, since: Instant::now(), leave: leave.clone() };
        seats.taken.insert(number, seat);
        Some(Place { places: Arc::clone(self), number, leave })
    }

    /// Has an idle connection leave, if there is one and none is about to.
    pub(super) fn make_room(&self) {
        let seats = self.seats();
        if seats.taken.values().any(|seat| !seat.is_busy && seat.leave.is_cancelled()) {
            return;
        }
        let mut held: HashMap<IpAddr, usize> = HashMap::new();
        seats.taken.values().for_each(|seat| *held.entry(seat.from).or_default() += 1);
        let idle = seats.taken.values().filter(|seat| !seat.is_busy);
        if let Some(seat) = idle.max_by_key(|seat| (held.get(&seat.from), seat.since.elapsed())) {
            seat.leave.cancel();
        }
    }

    fn seats(&self) -> MutexGuard<'_, Seats> {
        self.seats.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Place {
    /// Ends when another connection is to have the place.
    pub(super) async fn is_wanted(&self) {
        self.leave.cancelled().await;
    }

    /// Whether a request runs.
    pub(super) fn is_busy(&self) -> bool {
        self.places.seats().taken.get(&self.number).is_some_and(|seat| seat.is_busy)
    }

    /// A request begins.
    pub(super) fn begin(self: &Arc<Self>) -> Busy {
        self.set_busy(true);
        // It had been asked to leave while this was on its way: somebody else has to.
        if self.leave.is_cancelled() {
            self.places.freed.notify_one();
        }
        Busy(Arc::clone(self))
    }

    fn set_busy(&self, is_busy: bool) {
        if let Some(seat) = self.places.seats().taken.get_mut(&self.number) {
            seat.is_busy = is_busy;
            seat.since = Instant::now();
        }
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.places.seats().taken.remove(&self.number);
        self.places.freed.notify_one();
    }
}

impl Drop for Busy {
    fn drop(&mut self) {
        self.0.set_busy(false);
        self.0.places.freed.notify_one();
    }
}

/// What counts as one address: of IPv6 the first 64 bits, the rest is its holder's to choose.
pub(super) fn network(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(address) => Ipv6Addr::from_bits(address.to_bits() & !u128::from(u64::MAX)).into(),
        v4 @ IpAddr::V4(_) => v4,
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use futures::FutureExt;

    use super::*;

    async fn taken(places: &Arc<Places>, address: &str) -> Arc<Place> {
        tokio::time::sleep(Duration::from_millis(2)).await;
        Arc::new(places.take(address.parse().unwrap()).now_or_never().expect("a place"))
    }

    #[tokio::test]
    async fn who_holds_most_gives_way_first_and_of_it_the_longest_idle() {
        let places = Places::new(4);
        let other = taken(&places, "192.0.2.1").await;
        let busy = taken(&places, "2001:db8::1").await;
        let old = taken(&places, "2001:db8::2").await;
        let young = taken(&places, "2001:db8::3").await;
        let request = busy.begin();
        let mut next = std::pin::pin!(places.take("192.0.2.2".parse().unwrap()));
        assert!(next.as_mut().now_or_never().is_none());
        let wanted = |place: &Arc<Place>| place.is_wanted().now_or_never().is_some();
        assert_eq!([&other, &busy, &old, &young].map(wanted), [false, false, true, false]);
        // One is enough, however often it is looked.
        places.freed.notify_one();
        assert!(next.as_mut().now_or_never().is_none() && !wanted(&young));
        // It begins a request before it hears of that: then the next has to leave.
        let late = old.begin();
        assert!(next.as_mut().now_or_never().is_none());
        assert_eq!([&other, &busy, &old, &young].map(wanted), [false, false, true, true]);
        drop(young);
        let next = next.await;
        // Nobody else is idle but the newest and the one that holds a single place, which has been idle longer.
        let mut another = std::pin::pin!(places.take("192.0.2.3".parse().unwrap()));
        assert!(another.as_mut().now_or_never().is_none());
        assert!(wanted(&other) && next.is_wanted().now_or_never().is_none());
        drop((late, request, other));
        another.await;
    }
}
