//! An agent types at a ticket's address: the customer is shown it, and those who watch the ticket.
//!
//! Only while the agent has the ticket. That a note is being written cannot be told from a word to the customer until it is
//! there, and then the customer must not learn the moment either: what is shown runs out as if the agent had stopped.

use std::{ops::Range, time::Duration};

use deskbridge_entity::message::Author;
use jid::BareJid;
use rand::RngExt;
use tokio::time::Instant;

use super::{
    agent_chat::AgentChat,
    composing::{LONGEST, Shown},
    outlet::SendError,
    stanza::{ChatState, State},
};
use crate::helpdesk::{Error, Reach, ticket_node, typing};

/// Between what no customer sees and the end of what is shown, if the client does not say it: as clients take it that nobody
/// types any more.
const PAUSE: Range<Duration> = Duration::from_secs(3)..Duration::from_secs(10);

impl AgentChat {
    /// What somebody's client says of its user at a ticket. Of who is no agent it means nothing.
    pub(super) async fn hear_state(&self, state: &ChatState, short_id: &str) -> Result<(), SendError> {
        let typist = state.from.to_bare();
        if state.state != State::Composing {
            return self.end_all(self.composing.end(&typist, None)).await;
        }
        let held = async {
            let Some(agent) = self.helpdesk.agent_at(&typist).await? else { return Ok(None) };
            self.composing.heard(&agent, &state.from, true);
            let ticket = self.helpdesk.ticket_at(&agent.caller(), short_id).await?;
            Ok((typing::holder(&ticket) == Some(agent.id.as_str())).then_some((agent, ticket)))
        };
        let held = match held.await {
            Ok(held) => held,
            Err(Error::NotFound(_)) => None,
            Err(error) => {
                tracing::warn!(%error, "an agent's typing was not shown");
                None
            }
        };
        let at = ticket_node(short_id);
        // People type in one place at a time.
        self.end_all(self.composing.end(&typist, held.as_ref().map(|_| at.as_str()))).await?;
        let Some((agent, ticket)) = held else { return Ok(()) };
        let from = self.helpdesk.desk_address(&ticket.desk).ok();
        let shown = Shown {
            typist: state.from.clone(),
            at,
            ticket: ticket.id,
            agent: agent.id,
            to: from.zip(typing::shown_at(&ticket)),
            reach: Some(Reach::of(&ticket)),
            until: Instant::now() + LONGEST,
            is_gone: false,
        };
        if self.composing.begin(shown.clone()) {
            self.tell_of_typing(&shown, State::Composing).await?;
        }
        Ok(())
    }

    /// The agent has done something that is no message to the customer, as a note: what is shown ends a while after, or at once
    /// where it took the ticket away.
    pub(super) async fn let_run_out(&self, agent: &BareJid) -> Result<(), SendError> {
        let pause = rand::rng().random_range(PAUSE);
        if self.composing.run_out(agent, Instant::now() + pause) { self.look_at_typing().await } else { Ok(()) }
    }

    /// Ends what the tickets and the clients have outlived.
    pub(super) async fn look_at_typing(&self) -> Result<(), SendError> {
        let tickets = self.composing.tickets();
        match self.helpdesk.holders(tickets.clone()).await {
            Ok(holders) => self.end_all(self.composing.end_stale(&tickets, &holders, Instant::now())).await,
            Err(error) => {
                tracing::warn!(%error, "who has the tickets could not be read");
                Ok(())
            }
        }
    }

    /// Nobody is shown to type any more.
    pub(super) async fn hush(&self) -> Result<(), SendError> {
        self.end_all(self.composing.end_all()).await
    }

    async fn end_all(&self, ended: Vec<Shown>) -> Result<(), SendError> {
        for shown in ended {
            self.tell_of_typing(&shown, State::Paused).await?;
        }
        Ok(())
    }

    async fn tell_of_typing(&self, shown: &Shown, state: State) -> Result<(), SendError> {
        if let Some(reach) = shown.reach.clone() {
            self.helpdesk.announce_writing(shown.ticket, reach, Author::Agent, state == State::Composing);
        }
        match shown.stanza(state) {
            Some(stanza) => self.outlet.send(&stanza).await,
            None => Ok(()),
        }
    }
}
