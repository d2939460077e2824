//! An agent's own chat client: each ticket has an address of its own, `t-<short id>@<domain>`, and what the agent of the
//! ticket writes there goes to the customer. A line that begins with `//` is an internal note, one with `/` a command.

use tokio::sync::mpsc;
use xmpp_parsers::minidom::Element;

use super::{
    command::{
        AtTicket,
        copilot::{self, Copilot},
        run,
        words::{self, Said},
    },
    outgoing,
    outlet::{Outlet, SendError},
    rooms::Rooms,
    stanza::{self, Chat, Refusal, State},
};
use crate::helpdesk::{Agent, Error, Helpdesk};

/// Lines of agents that may wait.
pub(super) const WAITING: usize = 1024;

/// What somebody wrote to a ticket's address.
pub(super) struct Spoken {
    pub chat: Box<Chat>,
    /// The short id in the address.
    pub ticket: String,
    /// For an error answer.
    pub stanza: Element,
}

/// The side of a session that agents talk to.
#[derive(Clone)]
pub(super) struct AgentChat {
    pub helpdesk: Helpdesk,
    pub outlet: Outlet,
    pub rooms: Rooms,
    pub copilot: Copilot,
}

impl AgentChat {
    /// Takes lines in order, until the link is down.
    pub(super) async fn listen(self, mut lines: mpsc::Receiver<Spoken>) {
        while let Some(spoken) = lines.recv().await {
            if self.hear(spoken).await == Err(SendError::Down) {
                return;
            }
        }
    }

    async fn hear(&self, Spoken { chat, ticket, stanza }: Spoken) -> Result<(), SendError> {
        let agent = match self.helpdesk.agent_at(&chat.from.to_bare()).await {
            Ok(agent) => agent,
            Err(error) => {
                tracing::error!(%error, "the agents could not be read");
                return self.refuse(&stanza, Refusal::NOT_STORED).await;
            }
        };
        // To everybody else the address does not exist.
        let Some(agent) = agent else { return self.refuse(&stanza, Refusal::NO_DESK).await };
        if !matches!(words::at_ticket(&meant(&chat.text())), Said::Order(order) if copilot::is_slow(&order)) {
            return self.answer(&agent, &ticket, &chat, &stanza).await;
        }
        // Beside the others: a model takes its time.
        let (this, to) = (self.clone(), (chat.to.clone(), chat.from.clone(), chat.thread.clone()));
        let answer = async move {
            let typing = outgoing::chat_state(&chat.to, &chat.from, State::Composing);
            if this.helpdesk.ticket_at(&agent.caller(), &ticket).await.is_ok() {
                // Both may fail: with the link down, nobody can be told.
                let _ = this.outlet.send(&typing).await;
            }
            let _ = this.answer(&agent, &ticket, &chat, &stanza).await;
        };
        if self.copilot.aside(answer).is_err() {
            let text = "Not done: too much is being asked of the assistant. Try again in a moment.";
            return self.outlet.send(&outgoing::notice(&to.0, &to.1, text, to.2.as_deref())).await;
        }
        Ok(())
    }

    /// Does what a line says, and tells what came of it.
    async fn answer(&self, agent: &Agent, ticket: &str, chat: &Chat, stanza: &Element) -> Result<(), SendError> {
        match self.take(agent, ticket, chat).await {
            Ok(answer) => {
                if let Some(id) = chat.id.as_deref().filter(|_| chat.wants_receipt) {
                    self.outlet.send(&outgoing::receipt(&chat.to, &chat.from, id)).await?;
                }
                match answer {
                    Some(text) => self.tell(chat, &text).await,
                    None => Ok(()),
                }
            }
            Err(Error::NotFound(_)) => self.refuse(stanza, Refusal::NO_DESK).await,
            Err(error @ (Error::Database(_) | Error::WriteFailed(_) | Error::Stopping)) => {
                tracing::error!(%error, "an agent's line could not be stored");
                self.refuse(stanza, Refusal::NOT_STORED).await
            }
            // In words, since a client shows a stanza error as little more than a red mark.
            Err(error) => self.tell(chat, &format!("Not done: {error}.")).await,
        }
    }

    /// Does what the line says; gives what the agent is told.
    async fn take(&self, agent: &Agent, short_id: &str, chat: &Chat) -> Result<Option<String>, Error> {
        let caller = agent.caller();
        let ticket = self.helpdesk.ticket_at(&caller, short_id).await?;
        let text = chat.text();
        let meant = meant(&text);
        if let Some(note) = meant.strip_prefix("//") {
            self.helpdesk.note(&caller, ticket.id, note.trim_start().to_owned()).await?;
            return Ok(None);
        }
        let order = match words::at_ticket(&meant) {
            Said::Order(order) => Some(order),
            Said::Unknown => Some(AtTicket::Help),
            // A slip must not carry a colleague's word to the customer; `/me` is how people speak of themselves.
            Said::Line if meant.starts_with('/') && !meant.starts_with("/me ") => Some(AtTicket::Help),
            Said::Misused(usage) => return Ok(Some(format!("Not done. It is: {usage}"))),
            Said::Line => None,
        };
        if let Some(order) = order {
            let answer = run::at_ticket(&self.helpdesk, &self.rooms, &self.copilot, agent, &ticket, order).await?;
            return Ok((!answer.is_said).then_some(answer.text));
        }
        let link = chat.files.first().filter(|url| url.starts_with("https://")).cloned();
        self.helpdesk.reply_from_chat(&caller, ticket.id, text, link, chat.id.as_deref()).await?;
        Ok(None)
    }

    async fn tell(&self, chat: &Chat, text: &str) -> Result<(), SendError> {
        for part in run::in_parts(text) {
            self.outlet.send(&outgoing::notice(&chat.to, &chat.from, part, chat.thread.as_deref())).await?;
        }
        Ok(())
    }

    async fn refuse(&self, stanza: &Element, refusal: Refusal) -> Result<(), SendError> {
        match stanza::error_reply(stanza, self.helpdesk.domain(), refusal) {
            Some(reply) => self.outlet.send(&reply).await,
            None => Ok(()),
        }
    }
}

/// The line as it is meant where it is no word to the customer: without a quote before it, without what nobody sees, and
/// with the slash that other keyboards have.
fn meant(text: &str) -> String {
    let unseen = |c: char| c.is_whitespace() || matches!(c, '\u{200b}'..='\u{200f}' | '\u{2060}' | '\u{feff}');
    let mut lines = text.lines().map(|line| line.trim_start_matches(unseen)).peekable();
    while lines.next_if(|line| line.is_empty() || line.starts_with('>')).is_some() {}
    let rest = lines.collect::<Vec<_>>().join("\n");
    let slashes = rest.chars().take_while(|c| matches!(c, '/' | '／')).count();
    let behind: String = rest.chars().skip(slashes).collect();
    "/".repeat(slashes) + &behind
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slip_before_a_note_or_command_makes_no_line_of_it() {
        for note in ["//x", " //x", "\n//x", "\u{feff}//x", "\u{200b} //x", "／／x", "> quote\n// x", ">a\n>b\n\n//x"]
        {
            assert!(meant(note).starts_with("//"), "{note:?} is {:?}", meant(note));
        }
        assert_eq!(meant(" /claim"), "/claim");
        assert_eq!(meant("> Does it steam?\nIt does, / or not"), "It does, / or not");
        assert_eq!(meant("1/2 or http://a.example"), "1/2 or http://a.example");
    }
}
