//! `[retention]`: how long is kept what belongs to no desk's tickets.

use std::time::Duration;

use serde::Deserialize;

use super::{Error, value::Timeout};

/// `[retention]`; `never` keeps everything for ever, and so does what is not given. Tickets have `desk.retention`.
#[derive(Clone, Copy, Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Retention {
    /// Single calls to the language model.
    pub usage: Option<Timeout>,
    /// Rooms of the event feed after their end, and occupants after they left.
    pub rooms: Option<Timeout>,
    /// What the staff did.
    pub audit: Option<Timeout>,
}

/// An event of a room may come late: what is known of its end must still be there.
const SHORTEST_ROOMS: Duration = Duration::from_secs(24 * 3600);

impl Retention {
    pub(super) fn check(&self) -> Result<(), Error> {
        let rooms = self.rooms.and_then(Timeout::duration);
        if rooms.is_some_and(|kept| kept < SHORTEST_ROOMS) {
            return Err(Error::key("retention.rooms", "must be at least 1d: an event may come late"));
        }
        Ok(())
    }
}
