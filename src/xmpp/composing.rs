//! Who is shown to type (XEP-0085): the agent of a ticket to its customer, from the desk, and the customer to that agent's
//! client, from the ticket's own address.
//!
//! It is shown once, and ends once: by what is written, by another state, or when its time has run out. Nothing of it is stored.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use jid::{BareJid, Jid};
use tokio::time::Instant;
use uuid::Uuid;
use xmpp_parsers::minidom::Element;

use super::{outgoing, stanza::State};
use crate::helpdesk::{Agent, Reach};

/// How long typing is shown of which nothing more is heard. Clients say it when nobody has touched a key for some seconds; one
/// that has died says nothing.
pub(super) const LONGEST: Duration = Duration::from_secs(120);

/// What is shown now. Clones share it.
#[derive(Clone, Debug, Default)]
pub(super) struct Composing {
    inner: Arc<Mutex<Inner>>,
}

#[derive(Debug, Default)]
struct Inner {
    /// Agents' clients that know chat states, by their bare JIDs: the one that spoke last.
    clients: HashMap<BareJid, Jid>,
    shown: Vec<Shown>,
}

/// Somebody who types, and where that is shown.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Shown {
    /// Who types: an agent's client, or a customer.
    pub typist: Jid,
    /// The localpart to which the typist writes.
    pub at: String,
    /// The ticket that is written in.
    pub ticket: Uuid,
    /// The agent who must have it.
    pub agent: String,
    /// Where it is shown, and from which address; nowhere if the client does not know what that is.
    pub to: Option<(BareJid, Jid)>,
    /// Who else was told.
    pub reach: Option<Reach>,
    /// When it ends, unless the typist types on.
    pub until: Instant,
    /// Whether the typist's client has gone.
    pub is_gone: bool,
}

impl Shown {
    /// What shows it, or ends it.
    pub(super) fn stanza(&self, state: State) -> Option<Element> {
        self.to.as_ref().map(|(from, to)| outgoing::chat_state(from, to, state))
    }

    fn is_by(&self, typist: &BareJid) -> bool {
        self.typist.to_bare() == *typist
    }
}

impl Composing {
    /// A client has said something that carries chat states, or a message without. Only those of `agent` are remembered, one at a
    /// time: strangers cannot make this grow.
    pub(super) fn heard(&self, agent: &Agent, client: &Jid, knows: bool) {
        let Some(own) = agent.jid.as_ref().filter(|own| **own == client.to_bare()) else { return };
        let mut inner = self.inner();
        if knows {
            inner.clients.insert(own.clone(), client.clone());
        } else {
            inner.clients.remove(own);
        }
    }

    /// The agent's client that knows chat states.
    pub(super) fn client(&self, agent: &BareJid) -> Option<Jid> {
        self.inner().clients.get(agent).cloned()
    }

    /// Somebody types. Whether that is new; else what is shown goes on.
    pub(super) fn begin(&self, shown: Shown) -> bool {
        let mut inner = self.inner();
        let typist = shown.typist.to_bare();
        if let Some(known) = inner.shown.iter_mut().find(|known| known.at == shown.at && known.is_by(&typist)) {
            known.until = shown.until;
            return false;
        }
        inner.shown.push(shown);
        true
    }

    /// Somebody may have stopped: what is shown ends at `until`, if it does not end before. Whether anything is.
    pub(super) fn run_out(&self, typist: &BareJid, until: Instant) -> bool {
        let mut inner = self.inner();
        let mut is_any = false;
        for shown in inner.shown.iter_mut().filter(|shown| shown.is_by(typist)) {
            shown.until = shown.until.min(until);
            is_any = true;
        }
        is_any
    }

    /// Somebody has stopped, or has written, at this localpart: what was shown of it.
    pub(super) fn end_at(&self, at: &str, typist: &BareJid) -> Option<Shown> {
        let mut inner = self.inner();
        let place = inner.shown.iter().position(|shown| shown.at == at && shown.is_by(typist))?;
        Some(inner.shown.swap_remove(place))
    }

    /// The same, wherever it was but at `except`.
    pub(super) fn end(&self, typist: &BareJid, except: Option<&str>) -> Vec<Shown> {
        let ends = |shown: &mut Shown| shown.is_by(typist) && Some(shown.at.as_str()) != except;
        self.inner().shown.extract_if(.., ends).collect()
    }

    /// A client has gone: it types no more, and is shown nothing more.
    pub(super) fn lose(&self, client: &Jid) {
        let mut inner = self.inner();
        inner.clients.retain(|_, known| known != client);
        for shown in &mut inner.shown {
            shown.to.take_if(|(_, to)| to == client);
        }
        let bare = Jid::from(client.to_bare());
        let gone = inner.shown.iter_mut().filter(|shown| shown.typist == *client || shown.typist == bare);
        gone.for_each(|shown| shown.is_gone = true);
    }

    /// Whether anything is shown.
    pub(super) fn is_any(&self) -> bool {
        !self.inner().shown.is_empty()
    }

    /// The tickets in which somebody is shown to type.
    pub(super) fn tickets(&self) -> Vec<Uuid> {
        self.inner().shown.iter().map(|shown| shown.ticket).collect()
    }

    /// Ends what has run out, or is of clients that have gone; and what is shown in those of the tickets `looked_at` that the
    /// agent has no more. `holders` has them.
    pub(super) fn end_stale(&self, looked_at: &[Uuid], holders: &HashMap<Uuid, String>, now: Instant) -> Vec<Shown> {
        let is_stale = |shown: &mut Shown| {
            let is_handed_on = looked_at.contains(&shown.ticket) && holders.get(&shown.ticket) != Some(&shown.agent);
            shown.is_gone || is_handed_on || now >= shown.until
        };
        self.inner().shown.extract_if(.., is_stale).collect()
    }

    /// Ends everything. Which clients know chat states has to be heard anew.
    pub(super) fn end_all(&self) -> Vec<Shown> {
        let Inner { clients, shown } = &mut *self.inner();
        clients.clear();
        std::mem::take(shown)
    }

    fn inner(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use deskbridge_entity::agent::{Duty, Role as AgentRole, Source};

    use super::*;

    const TICKET: Uuid = Uuid::from_u128(1);

    fn jid(text: &str) -> Jid {
        Jid::new(text).unwrap()
    }

    fn bare(text: &str) -> BareJid {
        BareJid::new(text).unwrap()
    }

    fn shown(typist: &str, at: &str, ticket: Uuid, now: Instant) -> Shown {
        Shown {
            typist: jid(typist),
            at: at.to_owned(),
            ticket,
            agent: "bob".to_owned(),
            to: Some((bare("support@help.example"), jid("ann@example.org/phone"))),
            reach: None,
            until: now + LONGEST,
            is_gone: false,
        }
    }

    fn agent(text: &str) -> Agent {
        Agent {
            id: text.to_owned(),
            jid: Some(bare(text)),
            name: None,
            desks: None,
            role: AgentRole::Agent,
            duty: Duty::Auto,
            source: Source::Config,
            is_present: false,
        }
    }

    #[test]
    fn typing_is_shown_once_and_ended_once() {
        let (composing, now) = (Composing::default(), Instant::now());
        let bob = bare("bob@example.org");
        assert!(composing.begin(shown("bob@example.org/desk", "t-1", TICKET, now)));
        // Another client of the same person adds nothing.
        assert!(!composing.begin(shown("bob@example.org/phone", "t-1", TICKET, now)));
        assert!(composing.begin(shown("bob@example.org/desk", "t-2", TICKET, now)));
        assert_eq!(composing.end_at("t-1", &bare("eve@example.org")), None);
        let ended = composing.end_at("t-1", &bob).unwrap();
        assert_eq!(ended.stanza(State::Paused).unwrap().attr("to"), Some("ann@example.org/phone"));
        assert_eq!(composing.end_at("t-1", &bob), None);
        assert_eq!(composing.end(&bob, Some("t-2")), []);
        assert_eq!(composing.end(&bob, None).len(), 1);
        assert!(!composing.is_any());
    }

    #[test]
    fn typing_ends_with_the_claim_the_client_or_in_the_end_by_itself() {
        let (composing, now) = (Composing::default(), Instant::now());
        let held = HashMap::from([(TICKET, "bob".to_owned())]);
        let begin = || assert!(composing.begin(shown("bob@example.org/desk", "t-1", TICKET, now)));
        let stale = |holders: &HashMap<Uuid, String>, after| {
            let looked_at = composing.tickets();
            composing.end_stale(&looked_at, holders, now + after).len()
        };
        begin();
        assert_eq!(stale(&held, Duration::from_secs(60)), 0);
        assert_eq!(stale(&held, LONGEST), 1);
        begin();
        assert_eq!(stale(&HashMap::from([(TICKET, "eve".to_owned())]), Duration::ZERO), 1);
        begin();
        assert_eq!(stale(&HashMap::new(), Duration::ZERO), 1);
        begin();
        // It was begun while the tickets were looked at.
        assert_eq!(composing.end_stale(&[], &HashMap::new(), now), []);
        composing.lose(&jid("bob@example.org/phone"));
        assert_eq!(stale(&held, Duration::ZERO), 0);
        composing.lose(&jid("ann@example.org/phone"));
        assert_eq!(stale(&held, Duration::ZERO), 0);
        composing.lose(&jid("bob@example.org/desk"));
        let ended = composing.end_stale(&[], &held, now);
        assert_eq!((ended.len(), ended[0].stanza(State::Paused)), (1, None));
    }

    #[test]
    fn what_runs_out_goes_on_when_somebody_types_anew() {
        let (composing, now) = (Composing::default(), Instant::now());
        let (bob, eve) = (bare("bob@example.org"), bare("eve@example.org"));
        let at = |seconds| now + Duration::from_secs(seconds);
        let stale = |seconds| composing.end_stale(&[], &HashMap::new(), at(seconds)).len();
        assert!(!composing.run_out(&bob, at(5)));
        assert!(composing.begin(shown("bob@example.org/desk", "t-1", TICKET, now)));
        assert!(composing.begin(shown("eve@example.org/desk", "t-2", TICKET, now)));
        assert!(composing.run_out(&bob, at(5)));
        // Another note puts the end off no further.
        assert!(composing.run_out(&bob, at(9)));
        assert_eq!(stale(4), 0);
        assert!(!composing.begin(shown("bob@example.org/desk", "t-1", TICKET, at(4))));
        assert_eq!(stale(9), 0);
        assert!(composing.run_out(&bob, at(14)));
        assert_eq!((stale(13), stale(14)), (0, 1));
        assert_eq!(composing.end_at("t-1", &bob), None);
        assert!(composing.end_at("t-2", &eve).is_some());
    }

    #[test]
    fn the_client_that_spoke_last_says_whether_it_knows_chat_states() {
        let (composing, jid_of_bob, bob) = (Composing::default(), bare("bob@example.org"), agent("bob@example.org"));
        let client = || composing.client(&jid_of_bob);
        assert_eq!(client(), None);
        composing.heard(&bob, &jid("bob@example.org/desk"), true);
        assert_eq!(client(), Some(jid("bob@example.org/desk")));
        composing.lose(&jid("bob@example.org/phone"));
        assert_eq!(client(), Some(jid("bob@example.org/desk")));
        composing.heard(&bob, &jid("bob@example.org/phone"), false);
        assert_eq!(client(), None);
        composing.heard(&bob, &jid("bob@example.org/desk"), true);
        composing.lose(&jid("bob@example.org/desk"));
        assert_eq!(client(), None);
    }

    #[test]
    fn of_all_clients_one_of_each_agent_is_remembered() {
        let (composing, bob) = (Composing::default(), agent("bob@example.org"));
        for number in 0..100 {
            composing.heard(&bob, &jid(&format!("eve{number}@example.org/desk")), true);
            composing.heard(&bob, &jid(&format!("bob@example.org/{number}")), true);
        }
        assert_eq!(composing.inner().clients.len(), 1);
        assert_eq!(composing.client(&bare("bob@example.org")), Some(jid("bob@example.org/99")));
        let nowhere = Agent { jid: None, ..bob };
        composing.heard(&nowhere, &jid("bob@example.org/desk"), false);
        assert_eq!(composing.inner().clients.len(), 1);
    }
}
