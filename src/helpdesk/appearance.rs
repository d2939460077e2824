//! What somebody shows, as programs and the staff are told of it. Pure.

use deskbridge_entity::{
    agent::Duty,
    presence::{Model as PresenceRow, Source},
    presence_told::Model as ToldRow,
};
use serde_json::{Value, json};

use super::{Agent, Presence};

/// Who decides what somebody shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Teller {
    /// A caller of the REST API.
    Rest,
    /// The clients, over XMPP.
    Xmpp,
    /// Of an agent its own word about its duty; of a desk who is on duty there.
    Duty,
}

impl Teller {
    /// As it is written.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Rest => "rest",
            Self::Xmpp => "xmpp",
            Self::Duty => "duty",
        }
    }
}

impl From<Source> for Teller {
    fn from(source: Source) -> Self {
        match source {
            Source::Rest => Self::Rest,
            Source::Xmpp => Self::Xmpp,
        }
    }
}

/// Who shows something.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Who {
    /// Somebody who writes to desks.
    Customer,
    /// The agent with this id.
    Agent(String),
    /// One of ours.
    Desk,
}

/// What somebody shows, and whom that concerns.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Appearance {
    /// Who.
    pub who: Who,
    /// Its bare JID.
    pub jid: String,
    /// Whether it can be reached.
    pub available: bool,
    /// `chat`, `away`, `dnd` or `xa`; `None` is plainly available.
    pub show: Option<String>,
    /// A desk's status line. What people write there is nobody's business.
    pub text: Option<String>,
    /// Who decides that.
    pub source: Teller,
    /// Whether an agent is on duty, or anybody at a desk.
    pub on_duty: Option<bool>,
    /// The desks it concerns: itself, the agent's, those that the customer has live tickets at. `None` is every desk.
    pub desks: Option<Vec<String>>,
}

impl Appearance {
    /// A customer, by what is known of its JID, the newest first.
    pub(super) fn of_customer(jid: &str, rows: &[PresenceRow], desks: Vec<String>) -> Self {
        let row = main_row(rows);
        Self {
            who: Who::Customer,
            jid: jid.to_owned(),
            available: row.is_some_and(|row| row.available),
            show: row.and_then(|row| row.show.clone()),
            text: None,
            source: row.map_or(Teller::Xmpp, |row| row.source.into()),
            on_duty: None,
            desks: Some(desks),
        }
    }

    /// An agent with this JID, by what its clients show, the newest first.
    pub(super) fn of_agent(agent: &Agent, jid: &str, rows: &[PresenceRow]) -> Self {
        let clients: Vec<PresenceRow> = rows.iter().filter(|row| row.source == Source::Xmpp).cloned().collect();
        Self {
            source: if agent.duty == Duty::Auto { Teller::Xmpp } else { Teller::Duty },
            ..Self::of_customer(jid, &clients, Vec::new()).of(agent)
        }
    }

    /// The same, of an agent.
    pub(super) fn of(self, agent: &Agent) -> Self {
        Self {
            who: Who::Agent(agent.id.clone()),
            on_duty: Some(agent.is_on_duty()),
            desks: agent.concerned().map(<[String]>::to_vec),
            ..self
        }
    }

    /// A desk, by what its subscribers see.
    pub(super) fn of_desk(name: &str, seen: Presence, source: Teller, on_duty: Option<bool>) -> Self {
        Self {
            who: Who::Desk,
            jid: seen.jid.to_string(),
            available: seen.available,
            show: seen.show,
            text: seen.text,
            source,
            on_duty,
            desks: Some(vec![name.to_owned()]),
        }
    }

    /// Whether nobody needs to be told of it, who was told that.
    pub(super) fn is_known(&self, told: Option<&ToldRow>) -> bool {
        match (&self.who, told) {
            // Duty is all of an agent that somebody could act on; of whom nothing was told is off duty.
            (Who::Agent(_), told) => {
                told.and_then(|told| told.on_duty).unwrap_or(false) == self.on_duty.unwrap_or(false)
            }
            (_, Some(told)) => (told.available, &told.show, &told.text) == (self.available, &self.show, &self.text),
            // It has always been what it is when it is first looked at.
            (Who::Desk, None) => true,
            // Who is asked for the first time is often told to be away before being asked is granted.
            (Who::Customer, None) => !self.available,
        }
    }

    /// The same for a reader who serves some of the desks: which others it concerns is none of that reader's business. `None`
    /// where nothing is to be left out.
    #[must_use]
    pub fn cut_to(&self, serves: impl Fn(&str) -> bool) -> Option<Self> {
        let desks = self.desks.as_ref()?;
        let served: Vec<String> = desks.iter().filter(|desk| serves(desk)).cloned().collect();
        (served.len() < desks.len()).then(|| Self { desks: Some(served), ..self.clone() })
    }

    /// The agent's id.
    #[must_use]
    pub fn agent(&self) -> Option<&str> {
        match &self.who {
            Who::Agent(id) => Some(id),
            Who::Customer | Who::Desk => None,
        }
    }

    /// As the event log has it.
    pub(super) fn noted(&self) -> Value {
        json!({
            "jid": self.jid,
            "available": self.available,
            "show": self.show,
            "text": self.text,
            "source": self.source.word(),
            "agent_id": self.agent(),
            "on_duty": self.on_duty,
            "desks": self.desks,
        })
    }
}

/// Of what is known of a JID, the newest first, that which speaks for the whole: what was told of the bare JID, unless a
/// resource has shown itself since; then the resource that most wants to be talked to.
#[must_use]
pub fn main_row(known: &[PresenceRow]) -> Option<&PresenceRow> {
    let newest = known.first().filter(|row| row.jid == row.bare);
    newest.or_else(|| known.iter().filter(|row| row.jid != row.bare).min_by_key(|row| reserve(row)))
}

/// How little somebody wants to be talked to (RFC 6121 §4.7.2.1).
fn reserve(row: &PresenceRow) -> u8 {
    match (row.available, row.show.as_deref()) {
        (true, Some("chat")) => 0,
        (true, None) => 1,
        (true, Some("away")) => 2,
        (true, Some("dnd")) => 3,
        (true, Some(_)) => 4,
        (false, _) => 5,
    }
}

#[cfg(test)]
mod tests {
    use chrono::DateTime;

    use super::*;

    fn row(jid: &str, available: bool, show: Option<&str>) -> PresenceRow {
        let bare = jid.split('/').next().unwrap_or_default();
        PresenceRow {
            jid: jid.to_owned(),
            bare: bare.to_owned(),
            available,
            show: show.map(str::to_owned),
            text: Some("at tea".to_owned()),
            source: Source::Xmpp,
            updated_at: DateTime::UNIX_EPOCH,
        }
    }

    #[test]
    fn the_resource_that_most_wants_to_be_talked_to_speaks_for_all() {
        let (phone, desk, tv) = ("ann@example.com/phone", "ann@example.com/desk", "ann@example.com/tv");
        let bare = row("ann@example.com", true, Some("dnd"));
        let rows = [row(phone, false, None), row(desk, true, Some("xa")), row(tv, true, Some("away")), bare.clone()];
        assert_eq!(main_row(&rows).map(|row| &*row.jid), Some(tv));
        assert_eq!(main_row(&rows[..2]).map(|row| &*row.jid), Some(desk));
        // What was told of the whole before a resource showed itself counts no more.
        assert_eq!(main_row(&[row(phone, false, None), bare.clone()]).map(|row| row.available), Some(false));
        assert_eq!(main_row(&[bare.clone(), row(tv, true, None)]), Some(&bare));
        assert_eq!(main_row(&[]), None);
    }

    #[test]
    fn nothing_of_a_client_and_no_status_line_of_a_person_is_told() {
        let rows = [row("ann@example.com/phone", true, Some("away"))];
        let ann = Appearance::of_customer("ann@example.com", &rows, vec!["support".to_owned()]);
        assert_eq!((ann.available, ann.show.as_deref(), &ann.text), (true, Some("away"), &None));
        let noted = ann.noted().to_string();
        assert!(!noted.contains("phone") && !noted.contains("tea"), "{noted}");
    }
}
