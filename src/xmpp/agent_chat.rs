//! An agent's own chat client: each ticket has an address of its own, `t-<short id>@<domain>`, and what the agent of the
//! ticket writes there goes to the customer. A line that begins with `//` is an internal note, one with `/` a command.

use std::time::Duration;

use deskbridge_entity::message::Visibility;
use jid::{BareJid, Jid};
use tokio::{
    sync::mpsc,
    time::{self, MissedTickBehavior},
};
use xmpp_parsers::minidom::Element;

use super::{
    command::{
        AtTicket, Command,
        copilot::{self, Copilot},
        run,
        words::{self, Said},
    },
    composing::Composing,
    line, outgoing,
    outlet::{Outlet, SendError},
    rooms::Rooms,
    stanza::{self, Chat, ChatState, Refusal, Retraction, State},
};
use crate::helpdesk::{Agent, AgentStanza, Error, Helpdesk, texts::Language, ticket_node};

/// To an agent who makes a note or a command of what the customer has read.
const HAS_GONE_OUT: &str =
    "Not done: the customer has that line, and a correction would go there, too. Take it back, and write this anew.";

/// To an agent who corrects what is not known, or no more.
const CORRECTS_NOTHING: &str = "Not done: the line that this corrects is none of yours here. Write it anew.";

/// Lines of agents that may wait.
pub(super) const WAITING: usize = 1024;

/// How often it is looked whether those who are shown to type still have their tickets: other processes give them away, too.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// What somebody does at a ticket's address.
pub(super) enum Act {
    Line(Box<Chat>),
    Retraction(Retraction),
    State(ChatState),
}

impl Act {
    pub(super) fn from(&self) -> &Jid {
        match self {
            Self::Line(chat) => &chat.from,
            Self::Retraction(retraction) => &retraction.from,
            Self::State(state) => &state.from,
        }
    }

    fn to(&self) -> &BareJid {
        match self {
            Self::Line(chat) => &chat.to,
            Self::Retraction(retraction) => &retraction.to,
            Self::State(state) => &state.to,
        }
    }

    fn thread(&self) -> Option<&str> {
        match self {
            Self::Line(chat) => chat.thread.as_deref(),
            Self::Retraction(_) | Self::State(_) => None,
        }
    }
}

/// The same, on its way.
pub(super) struct Spoken {
    pub act: Act,
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
    pub composing: Composing,
}

impl AgentChat {
    /// Takes lines in order, until the link is down.
    pub(super) async fn listen(self, mut lines: mpsc::Receiver<Spoken>) {
        let mut looks = time::interval(LOOK_EVERY);
        looks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        // What an earlier link has shown, nobody will end.
        let mut done = self.hush().await;
        while done != Err(SendError::Down) {
            done = tokio::select! {
                spoken = lines.recv() => match spoken {
                    Some(spoken) => self.hear(spoken).await,
                    None => return,
                },
                _ = looks.tick() => if self.composing.is_any() { self.look_at_typing().await } else { Ok(()) },
            };
        }
    }

    async fn hear(&self, Spoken { act, ticket, stanza }: Spoken) -> Result<(), SendError> {
        if let Act::State(state) = &act {
            return self.hear_state(state, &ticket).await;
        }
        let agent = match self.helpdesk.agent_at(&act.from().to_bare()).await {
            Ok(agent) => agent,
            Err(error) => {
                tracing::error!(%error, "the agents could not be read");
                return self.refuse(&stanza, Refusal::NOT_STORED).await;
            }
        };
        // To everybody else the address does not exist.
        let Some(agent) = agent else { return self.refuse(&stanza, Refusal::NO_DESK).await };
        if let Act::Line(chat) = &act {
            // XEP-0085 §5.2: by its messages it is known whether a client is told of chat states.
            self.composing.heard(&agent, &chat.from, chat.supports_chat_states);
        }
        let typist = act.from().to_bare();
        if !matches!(&act, Act::Line(chat) if is_slow(chat)) {
            let answered = self.answer(&agent, &ticket, &act, &stanza).await;
            // By then a word to the customer has ended it; a note or command has not.
            self.let_run_out(&typist).await?;
            return answered;
        }
        self.let_run_out(&typist).await?;
        // Beside the others: a model takes its time.
        let (this, to) = (self.clone(), (act.to().clone(), act.from().clone(), act.thread().map(str::to_owned)));
        let answer = async move {
            let typing = outgoing::chat_state(act.to(), act.from(), State::Composing);
            if this.composing.client(&typist).is_some()
                && this.helpdesk.ticket_at(&agent.caller(), &ticket).await.is_ok()
            {
                // Both may fail: with the link down, nobody can be told.
                let _ = this.outlet.send(&typing).await;
            }
            let _ = this.answer(&agent, &ticket, &act, &stanza).await;
        };
        if self.copilot.aside(answer).is_err() {
            let text = "Not done: too much is being asked of the assistant. Try again in a moment.";
            return self.outlet.send(&outgoing::notice(&to.0, &to.1, text, to.2.as_deref())).await;
        }
        Ok(())
    }

    /// Does what was written or taken back, and tells what came of it.
    async fn answer(&self, agent: &Agent, ticket: &str, act: &Act, stanza: &Element) -> Result<(), SendError> {
        let taken = match act {
            Act::Line(chat) => self.take(agent, ticket, chat).await,
            Act::Retraction(retraction) => self.take_back(agent, ticket, retraction).await,
            // It has no answer, and was heard before.
            Act::State(_) => return Ok(()),
        };
        match taken {
            // It was followed and answered then; only the receipt may have been lost.
            Err(Error::Repeated) => self.acknowledge(act).await,
            Ok(answer) => {
                self.acknowledge(act).await?;
                match answer {
                    Some(text) => self.tell(act, &text).await,
                    None => Ok(()),
                }
            }
            Err(Error::NotFound(_)) => self.refuse(stanza, Refusal::NO_TICKET).await,
            Err(error @ (Error::Database(_) | Error::Busy | Error::WriteFailed(_) | Error::Stopping)) => {
                tracing::error!(%error, "an agent's line could not be stored");
                self.refuse(stanza, Refusal::NOT_STORED).await
            }
            // In words, since a client shows a stanza error as little more than a red mark.
            Err(error) => self.tell(act, &run::not_done(&self.helpdesk, &error)).await,
        }
    }

    async fn acknowledge(&self, act: &Act) -> Result<(), SendError> {
        let Act::Line(chat) = act else { return Ok(()) };
        match chat.id.as_deref().filter(|_| chat.wants_receipt) {
            Some(id) => self.outlet.send(&outgoing::receipt(&chat.to, &chat.from, id)).await,
            None => Ok(()),
        }
    }

    /// Does what the line says; gives what the agent is told.
    async fn take(&self, agent: &Agent, short_id: &str, chat: &Chat) -> Result<Option<String>, Error> {
        let caller = agent.caller();
        let ticket = self.helpdesk.ticket_at(&caller, short_id).await?;
        let text = chat.text();
        let meant = meant(&text);
        let sender = chat.from.to_bare();
        let once = self.helpdesk.once(&line::origin(chat, &sender, &text));
        let stanza = AgentStanza { id: chat.id.clone(), corrects: chat.corrects.clone(), reply_to: None };
        // `/me` is how people speak of themselves.
        let is_line = !meant.starts_with('/') || meant.starts_with("/me ");
        let corrected = match &chat.corrects {
            Some(id) => self.helpdesk.readers_of(&caller, ticket.id, id).await?,
            None => None,
        };
        match (corrected, &chat.corrects) {
            // Whatever it looks like now: the customer must not read what was a note.
            (Some(Visibility::Internal), _) => {
                let note = meant.strip_prefix("//").unwrap_or(&meant).trim_start().to_owned();
                once.note_from_chat(&caller, ticket.id, note, stanza).await?;
                return Ok(None);
            }
            (Some(Visibility::Public), _) if !is_line => return Ok(Some(HAS_GONE_OUT.to_owned())),
            (None, Some(_)) if is_line => return Ok(Some(CORRECTS_NOTHING.to_owned())),
            // A command or note that was misspelt was none, and is one now.
            (None, Some(_)) | (Some(Visibility::Public), _) | (None, None) => {}
        }
        if let Some(note) = meant.strip_prefix("//") {
            let stanza = AgentStanza { corrects: None, ..stanza };
            once.note_from_chat(&caller, ticket.id, note.trim_start().to_owned(), stanza).await?;
            return Ok(None);
        }
        let order = match words::at_ticket(&meant) {
            Said::Order(order) => Some(order),
            Said::Unknown(word) => return Ok(Some(unknown(&word))),
            // A slip must not carry a colleague's word to the customer.
            Said::Line if !is_line => {
                let word: String =
                    meant.chars().skip(1).take_while(|c| !c.is_whitespace()).take(LONGEST_WORD).collect();
                return Ok(Some(unknown(&word)));
            }
            Said::Misused(usage) => return Ok(Some(format!("Not done. It is: {usage}"))),
            Said::Line => None,
        };
        if let Some(order) = order {
            // What waits for a model changes no ticket, and may fail and be asked for again under the same id.
            let helpdesk = if copilot::is_slow(&order) { &self.helpdesk } else { &once };
            let speaks = matches!(order, AtTicket::Reply(_) | AtTicket::SendSuggestion);
            let answer = run::at_ticket(helpdesk, &self.rooms, &self.copilot, agent, &ticket, order).await?;
            if speaks {
                self.composing.end_at(&ticket_node(short_id), &sender);
            }
            return Ok((!answer.is_said).then_some(answer.text));
        }
        let link = chat.files.first().filter(|url| url.starts_with("https://")).cloned();
        let reply_to = match &chat.reply_to {
            Some(id) => self.helpdesk.known_to_agent(&caller, ticket.id, id).await?,
            None => None,
        };
        let stanza = AgentStanza { reply_to, ..stanza };
        self.helpdesk.reply_from_chat(&caller, ticket.id, text, link, stanza).await?;
        // The message itself ends what the customer is shown.
        self.composing.end_at(&ticket_node(short_id), &sender);
        Ok(None)
    }

    async fn take_back(&self, agent: &Agent, short_id: &str, retraction: &Retraction) -> Result<Option<String>, Error> {
        let caller = agent.caller();
        let ticket = self.helpdesk.ticket_at(&caller, short_id).await?;
        self.helpdesk.take_back(&caller, ticket.id, retraction.retracts.clone()).await?;
        Ok(None)
    }

    async fn tell(&self, act: &Act, text: &str) -> Result<(), SendError> {
        for part in run::in_parts(text) {
            let mut notice = outgoing::notice(act.to(), act.from(), part, act.thread());
            if self.composing.client(&act.from().to_bare()).is_some() {
                notice.append_child(outgoing::active());
            }
            self.outlet.send(&notice).await?;
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

/// The most that is repeated of what is no command, in characters.
const LONGEST_WORD: usize = 40;

/// What an agent is told who wrote a word that is no command.
fn unknown(word: &str) -> String {
    let known = [&Command::AT_TICKET[..], &[Command::Help]].concat();
    let near = words::near(&known, Language::English, &word.to_lowercase());
    let near = near.map(|near| format!(" Did you mean /{near}?")).unwrap_or_default();
    format!("Not sent: I do not know /{word}.{near} /help lists what I know.")
}

/// Whether a line asks for what may wait for a model.
fn is_slow(chat: &Chat) -> bool {
    matches!(words::at_ticket(&meant(&chat.text())), Said::Order(order) if copilot::is_slow(&order))
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
