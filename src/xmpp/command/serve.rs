//! Commands between the link and `run`: by form (XEP-0050) and by word.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use deskbridge_entity::{agent::Role, ticket};
use futures::FutureExt;
use jid::{BareJid, Jid};
use xmpp_parsers::{minidom::Element, stanza_error::DefinedCondition};

use super::{
    Command, DeskOrder,
    adhoc::{Action, Ask, COMMANDS, Fault, Reply, Status, Tone},
    copilot::{self, Copilot},
    errand::{Busy, Errands},
    fields,
    form::{self, Filled},
    run::{self, Answer},
    sessions::{Missing, Sessions},
    words::Said,
};
use crate::{
    helpdesk::{
        Agent, Desk, Error, Helpdesk, short_id_of,
        texts::{Text, Texts},
    },
    xmpp::{
        outgoing::{self, Item},
        outlet::{Outlet, SendError},
        rooms::Rooms,
        stanza::{self, Chat, Refusal},
    },
};

/// The longest result in a form; every line of it costs its tags, too.
const FORM_BYTES: usize = 60_000;
/// What a line costs beside its text, in bytes.
const LINE_COST: usize = 16;

/// The commands' side of a session.
#[derive(Clone)]
pub struct Commands {
    helpdesk: Helpdesk,
    outlet: Outlet,
    rooms: Rooms,
    copilot: Copilot,
    errands: Errands,
    sessions: Arc<Mutex<Sessions>>,
}

/// Where commands are.
pub enum Place {
    /// At a desk; with the agent, if the asker is one who answers there.
    Desk(Arc<Desk>, Option<Agent>),
    /// At a ticket, for an agent who may see it.
    Ticket(Box<ticket::Model>, Agent),
}

/// An answer, and what is too long for it.
struct Done {
    reply: Reply,
    chat: Option<Answer>,
}

impl Place {
    /// Every command that is there.
    fn commands(&self) -> Vec<Command> {
        match self {
            Self::Desk(..) => [&Command::OWN[..], &Command::AT_DESK].concat(),
            Self::Ticket(..) => Command::AT_TICKET.to_vec(),
        }
    }

    /// Whether the asker is shown it. What it may do is the domain's to say.
    fn shows(&self, command: Command) -> bool {
        match self {
            Self::Desk(_, agent) => agent.is_some() || !Command::AT_DESK.contains(&command),
            Self::Ticket(_, agent) => command != Command::Assign || agent.role == Role::Admin,
        }
    }

    fn texts(&self) -> Texts {
        match self {
            Self::Desk(desk, _) => desk.texts.clone(),
            // Agents read English.
            Self::Ticket(..) => Texts::default(),
        }
    }
}

impl Commands {
    /// The commands on a link.
    #[must_use]
    pub fn new(helpdesk: Helpdesk, outlet: Outlet, rooms: Rooms, copilot: Copilot, errands: Errands) -> Self {
        Self { helpdesk, outlet, rooms, copilot, errands, sessions: Arc::default() }
    }

    /// Answers a command's request, in its turn.
    pub fn answer(&self, from: Jid, to: BareJid, id: String, ask: Ask, stanza: Element) {
        let (this, whose) = (self.clone(), from.to_bare());
        let refused = stanza::error_reply(&stanza, self.helpdesk.domain(), Refusal::TOO_MUCH);
        let is_slow = copilot::is_slow_node(&ask.node);
        let errand = async move {
            match this.execute(&from, &to, &ask).await {
                Ok(Done { reply, chat }) => {
                    let result = outgoing::result(&to, &from, &id, Some(reply.element()));
                    this.outlet.send(&result).await?;
                    match chat {
                        Some(answer) => this.tell(&to, &from, None, &answer).await,
                        None => Ok(()),
                    }
                }
                Err(fault) => {
                    let (condition, _) = fault.conditions();
                    let Some(mut reply) = stanza::error_reply(&stanza, this.helpdesk.domain(), condition.into()) else {
                        return Ok(());
                    };
                    fault.mark(&ask, &mut reply);
                    this.outlet.send(&reply).await
                }
            }
        };
        let handed_in =
            if is_slow { self.copilot.aside(errand.map(drop)) } else { self.errands.hand_in(&whose, errand) };
        if handed_in == Err(Busy)
            && let Some(reply) = refused
        {
            self.turn_away(&reply);
        }
    }

    /// Answers disco (XEP-0030) about the list of commands and about each; `None` for what is about something else.
    ///
    /// # Errors
    /// `item-not-found` for a command that is not there, or not for the asker.
    pub async fn browse(
        &self,
        from: &Jid,
        to: &BareJid,
        request: &stanza::Request,
    ) -> Result<Option<Element>, DefinedCondition> {
        let is_ticket = to.node().is_some_and(|node| short_id_of(node.as_str()).is_some());
        if is_ticket
            && let stanza::Request::DiscoInfo { node: None } | stanza::Request::DiscoItems { node: None } = request
            && let Place::Ticket(ticket, _) = self.place(from, to).await.map_err(|fault| fault.conditions().0)?
        {
            return Ok(Some(match request {
                stanza::Request::DiscoInfo { .. } => outgoing::ticket_info(&ticket.subject),
                _ => outgoing::disco_items([], None),
            }));
        }
        let (node, wants_items) = match request {
            stanza::Request::DiscoItems { node: Some(node) } => (node, true),
            stanza::Request::DiscoInfo { node: Some(node) } => (node, false),
            _ => return Ok(None),
        };
        let is_list = node == COMMANDS;
        if !is_list && (wants_items || Command::named(&Command::all(), node).is_none()) {
            return Ok(None);
        }
        let place = self.place(from, to).await.map_err(|fault| fault.conditions().0)?;
        let texts = place.texts();
        let shown = place.commands().into_iter().filter(|command| place.shows(*command));
        let mut shown = shown.map(|command| (command, fields::label(command, &texts)));
        if !is_list {
            let (_, label) = shown.find(|(command, _)| command.node() == node).ok_or(DefinedCondition::ItemNotFound)?;
            return Ok(Some(outgoing::command_info(node, "command-node", &label)));
        }
        if !wants_items {
            return Ok(Some(outgoing::command_info(node, "command-list", "")));
        }
        let shown: Vec<_> = shown.collect();
        let items =
            shown.iter().map(|(command, label)| Item { jid: to, node: Some(command.node()), name: Some(label) });
        Ok(Some(outgoing::disco_items(items, Some(node))))
    }

    /// What is at an address for this asker.
    async fn place(&self, from: &Jid, to: &BareJid) -> Result<Place, Fault> {
        let node = to.node().ok_or(Fault::NotFound)?.as_str();
        let agent = self.helpdesk.agent_at(&from.to_bare()).await.map_err(|error| failed(&error))?;
        if let Some(desk) = self.helpdesk.desk(node) {
            return Ok(Place::Desk(Arc::clone(desk), agent.filter(|agent| agent.serves(&desk.name))));
        }
        // To everybody who may not see the ticket, its address does not exist.
        let (Some(short_id), Some(agent)) = (short_id_of(node), agent) else { return Err(Fault::NotFound) };
        let ticket = self.helpdesk.ticket_at(&agent.caller(), short_id).await.map_err(|error| failed(&error))?;
        Ok(Place::Ticket(Box::new(ticket), agent))
    }

    async fn execute(&self, from: &Jid, to: &BareJid, ask: &Ask) -> Result<Done, Fault> {
        let place = self.place(from, to).await?;
        let command = Command::named(&place.commands(), &ask.node).ok_or(Fault::NotFound)?;
        if !place.shows(command) {
            return Err(Fault::Forbidden);
        }
        let action = ask.action.ok_or(Fault::MalformedAction)?;
        let (now, texts) = (self.helpdesk.clock().now(), place.texts());
        let reply = |session: String, status| Reply { node: command.node(), session, status, note: None, form: None };
        let Some(id) = &ask.session else {
            if action != Action::Execute {
                return Err(Fault::BadAction);
            }
            let id = self.sessions().begin(from, to, command, now);
            if let Some(form) = fields::form(command, &texts) {
                let reply = reply(id, Status::Executing);
                return Ok(Done { reply: Reply { form: Some(form.element()), ..reply }, chat: None });
            }
            self.sessions().end(&id);
            let reply = reply(id, Status::Completed);
            return self.complete(&place, from, command, &Filled::default(), reply).await;
        };
        self.sessions().check(id, from, to, command, now).map_err(|missing| match missing {
            Missing::Expired => Fault::SessionExpired,
            Missing::NotYours => Fault::BadSession,
        })?;
        match action {
            Action::Cancel => {
                self.sessions().end(id);
                Ok(Done { reply: reply(id.clone(), Status::Canceled), chat: None })
            }
            // There is one stage.
            Action::Prev | Action::Next => Err(Fault::BadAction),
            Action::Execute | Action::Complete => {
                let filled = ask.filled.as_ref().ok_or(Fault::BadPayload)?;
                if let Err(problem) = check(&place, command, filled) {
                    let reply = reply(id.clone(), Status::Executing);
                    let form = fields::form(command, &texts).map(|form| form.element());
                    let note = Some((Tone::Error, problem.to_owned()));
                    return Ok(Done { reply: Reply { note, form, ..reply }, chat: None });
                }
                self.sessions().end(id);
                self.complete(&place, from, command, filled, reply(id.clone(), Status::Completed)).await
            }
        }
    }

    async fn complete(
        &self,
        place: &Place,
        from: &Jid,
        command: Command,
        filled: &Filled,
        reply: Reply,
    ) -> Result<Done, Fault> {
        let answer = match place {
            Place::Desk(desk, _) if command == Command::Erase && !filled.is_yes("sure") => {
                Ok(Answer { text: desk.texts.plain(Text::EraseNot), is_said: false })
            }
            Place::Desk(desk, agent) => {
                let order = fields::at_desk(command, filled).map_err(|_| Fault::BadPayload)?;
                self.run_at_desk(desk, agent.as_ref(), from, order).await
            }
            Place::Ticket(ticket, agent) => {
                let order = fields::at_ticket(command, filled).map_err(|_| Fault::BadPayload)?;
                run::at_ticket(&self.helpdesk, &self.rooms, &self.copilot, agent, ticket, order).await
            }
        };
        let texts = place.texts();
        let (tone, answer) = match answer {
            Ok(answer) => (Tone::Info, answer),
            Err(
                error @ (Error::Invalid { .. }
                | Error::Conflict(_)
                | Error::Overtaken { .. }
                | Error::Unavailable(_)
                | Error::NotReady),
            ) => {
                let text = if matches!(place, Place::Desk(_, None)) {
                    texts.plain(Text::CommandFailed)
                } else {
                    format!("Not done: {error}.")
                };
                (Tone::Error, Answer { text, is_said: false })
            }
            Err(error) => return Err(failed(&error)),
        };
        if answer.text.len() + answer.text.lines().count() * LINE_COST > FORM_BYTES {
            let note = Some((Tone::Info, texts.plain(Text::ExportSent)));
            return Ok(Done { reply: Reply { note, ..reply }, chat: Some(answer) });
        }
        // A note is shown in a line.
        let reply = if answer.text.contains('\n') {
            Reply { form: Some(form::result(&fields::label(command, &texts), &answer.text)), ..reply }
        } else {
            Reply { note: Some((tone, answer.text)), ..reply }
        };
        Ok(Done { reply, chat: None })
    }

    async fn run_at_desk(
        &self,
        desk: &Desk,
        agent: Option<&Agent>,
        from: &Jid,
        order: DeskOrder,
    ) -> Result<Answer, Error> {
        match (order, agent) {
            (DeskOrder::Own(order), _) => {
                let is_help = order == super::Own::Help;
                let mut answer = run::own(&self.helpdesk, desk, from, order).await?;
                if is_help && agent.is_some() {
                    answer.text = format!("{}\n\n{}", answer.text, run::DESK_HELP);
                }
                Ok(answer)
            }
            (DeskOrder::Staff(order), Some(agent)) => run::at_desk(&self.helpdesk, agent, desk, order).await,
            (DeskOrder::Staff(_), None) => Err(Error::Forbidden("this is for the staff".to_owned())),
        }
    }

    /// Takes a command that was said to a desk in words.
    pub fn hear(&self, desk: Arc<Desk>, said: Said<DeskOrder>, chat: Box<Chat>, stanza: Element) {
        let (this, whose) = (self.clone(), chat.from.to_bare());
        let refused = stanza::error_reply(&stanza, self.helpdesk.domain(), Refusal::TOO_MUCH);
        let errand = async move {
            let answer = this.follow(&desk, &chat.from, said).await;
            // What was not done may be asked for again.
            if let (Ok(_), true, Some(id)) = (&answer, chat.wants_receipt, &chat.id) {
                this.outlet.send(&outgoing::receipt(&chat.to, &chat.from, id)).await?;
            }
            let answer = answer.unwrap_or_else(|error| {
                let text = match error {
                    Error::Limited(text) => text,
                    error => {
                        let _ = failed(&error);
                        desk.texts.plain(Text::CommandFailed)
                    }
                };
                Answer { text, is_said: false }
            });
            if answer.is_said {
                return Ok(());
            }
            this.tell(&chat.to, &chat.from, chat.thread.as_deref(), &answer).await
        };
        if self.errands.hand_in(&whose, errand) == Err(Busy)
            && let Some(reply) = refused
        {
            self.turn_away(&reply);
        }
    }

    async fn follow(&self, desk: &Desk, from: &Jid, said: Said<DeskOrder>) -> Result<Answer, Error> {
        let order = match said {
            Said::Order(order) => order,
            Said::Unknown | Said::Misused(_) | Said::Line => DeskOrder::Own(super::Own::Help),
        };
        let order = match order {
            // These are queued without looking anything up: what is written next must not overtake them.
            DeskOrder::Own(order) if order != super::Own::Help => {
                return run::own(&self.helpdesk, desk, from, order).await;
            }
            order => order,
        };
        let agent = self.helpdesk.agent_at(&from.to_bare()).await?.filter(|agent| agent.serves(&desk.name));
        // To everybody else these are words that nobody knows.
        let order = if agent.is_some() { order } else { DeskOrder::Own(super::Own::Help) };
        self.run_at_desk(desk, agent.as_ref(), from, order).await
    }

    async fn tell(&self, from: &BareJid, to: &Jid, thread: Option<&str>, answer: &Answer) -> Result<(), SendError> {
        for part in run::in_parts(&answer.text) {
            self.outlet.send(&outgoing::notice(from, to, part, thread)).await?;
        }
        Ok(())
    }

    fn turn_away(&self, reply: &Element) {
        // In a flood: no line of the log for each.
        if !self.outlet.offer(reply) {
            tracing::debug!("nobody could be told that too many commands wait");
        }
    }

    fn sessions(&self) -> MutexGuard<'_, Sessions> {
        self.sessions.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn check(place: &Place, command: Command, filled: &Filled) -> Result<(), &'static str> {
    match place {
        Place::Desk(..) => fields::at_desk(command, filled).map(drop),
        Place::Ticket(..) => fields::at_ticket(command, filled).map(drop),
    }
}

/// The domain's error as a fault of XEP-0050; what is ours is logged, here alone.
fn failed(error: &Error) -> Fault {
    match error {
        Error::NotFound(_) => Fault::NotFound,
        Error::Forbidden(_) => Fault::Forbidden,
        Error::Invalid { .. } | Error::Conflict(_) | Error::Overtaken { .. } | Error::Limited(_) => Fault::BadPayload,
        Error::Database(_) | Error::WriteFailed(_) | Error::Stopping | Error::Unavailable(_) | Error::NotReady => {
            tracing::error!(%error, "a command failed");
            Fault::Failed
        }
    }
}
