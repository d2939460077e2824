//! Forms that are being filled in (XEP-0050 §3.5): bounded, ending by themselves, each for the one who began it.

use std::collections::HashMap;

use chrono::{DateTime, TimeDelta, Utc};
use jid::{BareJid, Jid};
use uuid::Uuid;

use super::Command;

/// How long somebody may take.
const LIFE: TimeDelta = TimeDelta::minutes(15);
/// Sessions of one bare JID; a further one ends the oldest.
const OF_ONE: usize = 8;
/// Sessions in all; a further one ends the oldest.
const IN_ALL: usize = 4096;

/// One form that is out.
#[derive(Clone, Debug)]
struct Session {
    /// By resource: another client of the same person has not seen the form.
    from: Jid,
    to: BareJid,
    command: Command,
    began_at: DateTime<Utc>,
}

/// All of them.
#[derive(Debug, Default)]
pub struct Sessions {
    by_id: HashMap<String, Session>,
}

/// How a session was not found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Missing {
    /// It is over, or never was. The two cannot be told apart, since nothing is kept of what is over.
    Expired,
    /// It is somebody else's, or another command's.
    NotYours,
}

impl Sessions {
    /// Begins one; gives its id.
    pub fn begin(&mut self, from: &Jid, to: &BareJid, command: Command, now: DateTime<Utc>) -> String {
        let bare = from.to_bare();
        let of_one = |session: &Session| session.from.to_bare() == bare;
        if self.by_id.len() >= IN_ALL {
            self.by_id.retain(|_, session| now - session.began_at < LIFE);
        }
        if self.by_id.values().filter(|session| of_one(session)).count() >= OF_ONE {
            self.end_oldest(of_one);
        }
        if self.by_id.len() >= IN_ALL {
            self.end_oldest(|_| true);
        }
        let id = Uuid::now_v7().to_string();
        let session = Session { from: from.clone(), to: to.clone(), command, began_at: now };
        self.by_id.insert(id.clone(), session);
        id
    }

    fn end_oldest(&mut self, fits: impl Fn(&Session) -> bool) {
        let oldest = self.by_id.iter().filter(|(_, session)| fits(session)).min_by_key(|(_, session)| session.began_at);
        if let Some(id) = oldest.map(|(id, _)| id.clone()) {
            self.by_id.remove(&id);
        }
    }

    /// Looks whether there is a session of this id for this asker and command.
    ///
    /// # Errors
    /// [`Missing`] says why there is none.
    pub fn check(
        &self,
        id: &str,
        from: &Jid,
        to: &BareJid,
        command: Command,
        now: DateTime<Utc>,
    ) -> Result<(), Missing> {
        let session = self.by_id.get(id).ok_or(Missing::Expired)?;
        if session.from != *from || session.to != *to || session.command != command {
            return Err(Missing::NotYours);
        }
        if now - session.began_at >= LIFE { Err(Missing::Expired) } else { Ok(()) }
    }

    /// Ends a session.
    pub fn end(&mut self, id: &str) {
        self.by_id.remove(id);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn jid(text: &str) -> Jid {
        text.parse().unwrap()
    }

    fn desk() -> BareJid {
        "support@help.example".parse().unwrap()
    }

    fn at(second: i64) -> DateTime<Utc> {
        DateTime::from_timestamp(second, 0).unwrap()
    }

    #[test]
    fn a_session_is_there_once_and_for_the_client_that_began_it() {
        let (mut sessions, ann) = (Sessions::default(), jid("ann@example.com/phone"));
        let id = sessions.begin(&ann, &desk(), Command::Erase, at(0));
        let billing = "billing@help.example".parse().unwrap();
        for (from, to, command) in [
            (jid("ann@example.com/laptop"), desk(), Command::Erase),
            (jid("ann@example.com"), desk(), Command::Erase),
            (jid("mallory@example.com/phone"), desk(), Command::Erase),
            (ann.clone(), billing, Command::Erase),
            (ann.clone(), desk(), Command::New),
        ] {
            assert_eq!(sessions.check(&id, &from, &to, command, at(1)), Err(Missing::NotYours), "{from} {to}");
        }
        assert_eq!(sessions.check(&id, &ann, &desk(), Command::Erase, at(1)), Ok(()));
        sessions.end(&id);
        assert_eq!(sessions.check(&id, &ann, &desk(), Command::Erase, at(1)), Err(Missing::Expired));
        assert_eq!(sessions.check("", &ann, &desk(), Command::Erase, at(1)), Err(Missing::Expired));
    }

    #[test]
    fn a_session_ends_by_itself() {
        let (mut sessions, ann) = (Sessions::default(), jid("ann@example.com/phone"));
        let id = sessions.begin(&ann, &desk(), Command::New, at(0));
        assert_eq!(sessions.check(&id, &ann, &desk(), Command::New, at(15 * 60)), Err(Missing::Expired));
    }

    #[test]
    fn sessions_are_bounded_for_one_and_for_all() {
        let mut sessions = Sessions::default();
        let ann = jid("ann@example.com/phone");
        let first = sessions.begin(&ann, &desk(), Command::New, at(0));
        for second in 1..=OF_ONE {
            let other = jid(&format!("ann@example.com/{second}"));
            sessions.begin(&other, &desk(), Command::New, at(second.try_into().unwrap()));
        }
        assert_eq!(sessions.by_id.len(), OF_ONE);
        assert_eq!(sessions.check(&first, &ann, &desk(), Command::New, at(9)), Err(Missing::Expired));
        for number in 0..IN_ALL + 10 {
            let other = jid(&format!("user{number}@example.com/phone"));
            sessions.begin(&other, &desk(), Command::New, at(20));
        }
        assert_eq!(sessions.by_id.len(), IN_ALL);
    }
}
