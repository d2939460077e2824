//! An agent types at a ticket's address: the customer is shown it, and those who watch the ticket.
//!
//! Only while the agent has the ticket. That a note is being written cannot be told from a word to the customer until it is
//! there; then what is shown ends without one.

use deskbridge_entity::message::Author;
use jid::BareJid;
use tokio::time::Instant;

use super::{
    agent_chat::AgentChat,
    composing::Shown,
    outlet::SendError,
    stanza::{ChatState, State},
};
use crate::helpdesk::{Error, Reach, ticket_node, typing};

impl AgentChat {
    /// What somebody's client says of its user at a ticket. Of who is no agent it means nothing.
    pub(super) async fn hear_state(&self, state: &ChatState, short_id: &str) -> Result<(), SendError> {
        let typist = state.from.to_bare();
        let held = async {
            let Some(agent) = self.helpdesk.agent_at(&typist).await? else { return Ok(None) };
            self.composing.heard(&state.from, true);
            let ticket = self.helpdesk.ticket_at(&agent.caller(), short_id).await?;
            Ok((typing::holder(&ticket) == Some(agent.id.as_str())).then_some((agent, ticket)))
        };
        let held = match held.await {
            Ok(held) => held.filter(|_| state.state == State::Composing),
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
            since: Instant::now(),
            is_gone: false,
        };
        if self.composing.begin(shown.clone()) {
            self.tell_of_typing(&shown, State::Composing).await?;
        }
        Ok(())
    }

    /// Ends what is shown of an agent's typing.
    pub(super) async fn stop_typing(&self, agent: &BareJid) -> Result<(), SendError> {
        self.end_all(self.composing.end(agent, None)).await
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
