//! Commands between the link and `run`: by form (XEP-0050) and by word.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use futures::FutureExt;
use jid::{BareJid, Jid};
use xmpp_parsers::minidom::Element;

use super::{
    Command, DeskOrder, Own,
    adhoc::{Ask, Fault},
    copilot::{self, Copilot},
    errand::{Busy, Errands, Turn},
    exported::Exported,
    run::{self, Answer},
    sessions::Sessions,
    stages::Done,
    words::{self, Said},
};
use crate::{
    helpdesk::{Agent, Desk, Error, Helpdesk, texts::Text},
    xmpp::{
        line, outgoing,
        outlet::{Outlet, SendError},
        pace::Pace,
        rooms::Rooms,
        stanza::{self, Chat, Refusal},
    },
};

/// The commands' side of a session.
#[derive(Clone)]
pub struct Commands {
    pub(super) helpdesk: Helpdesk,
    outlet: Outlet,
    pub(super) rooms: Rooms,
    pub(super) copilot: Copilot,
    errands: Errands,
    exports: Errands,
    parts: Arc<Pace>,
    sessions: Arc<Mutex<Sessions>>,
    exported: Arc<Mutex<Exported>>,
}

impl Commands {
    /// The commands on a link: where they wait, and where exports do; `parts` is the pace of long answers.
    #[must_use]
    pub(in crate::xmpp) fn new(
        helpdesk: Helpdesk,
        outlet: Outlet,
        rooms: Rooms,
        copilot: Copilot,
        (errands, exports): (Errands, Errands),
        parts: Arc<Pace>,
    ) -> Self {
        let (sessions, exported) = (Arc::default(), Arc::default());
        Self { helpdesk, outlet, rooms, copilot, errands, exports, parts, sessions, exported }
    }

    /// Answers a command's request, in its turn.
    pub fn answer(&self, from: Jid, to: BareJid, id: String, ask: Ask, stanza: Element) {
        let (this, whose) = (self.clone(), from.to_bare());
        let refused = stanza::error_reply(&stanza, self.helpdesk.domain(), Refusal::TOO_MUCH);
        let is_slow = copilot::is_slow_node(&ask.node);
        let errands = if ask.node == Command::Export.node() { &self.exports } else { &self.errands };
        let errand = |turn: Turn| async move {
            let _place = turn.come().await;
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
            if is_slow { self.copilot.aside(errand(Turn::aside()).map(drop)) } else { errands.hand_in(&whose, errand) };
        if handed_in == Err(Busy)
            && let Some(reply) = refused
        {
            self.turn_away(&reply);
        }
    }

    /// Does what somebody asks a desk for; `chat` is the stanza that asks, if it is in words.
    pub(super) async fn run_at_desk(
        &self,
        desk: &Desk,
        agent: Option<&Agent>,
        from: &Jid,
        order: DeskOrder,
        chat: Option<&Chat>,
    ) -> Result<Answer, Error> {
        match (order, agent) {
            (DeskOrder::Own(order), _) => {
                let is_help = order == Own::Help;
                let mut answer = self.own(desk, from, order, chat).await?;
                if is_help && agent.is_some() {
                    answer.text = format!("{}\n\n{}", answer.text, run::desk_help(desk.texts.language()));
                }
                Ok(answer)
            }
            (DeskOrder::Staff(order), Some(agent)) => {
                let (sender, text) = (from.to_bare(), chat.map(Chat::text).unwrap_or_default());
                let once = chat.map(|chat| self.helpdesk.once(&line::origin(chat, &sender, &text)));
                run::at_desk(once.as_ref().unwrap_or(&self.helpdesk), agent, desk, order).await
            }
            (DeskOrder::Staff(_), None) => Err(Error::Forbidden("this is for the staff".to_owned())),
        }
    }

    /// Takes a command that was said to a desk in words.
    pub fn hear(&self, desk: Arc<Desk>, said: Said<DeskOrder>, chat: Box<Chat>, stanza: Element) {
        let (this, whose) = (self.clone(), chat.from.to_bare());
        let (errands, refused) = if said == Said::Order(DeskOrder::Own(Own::Export)) {
            let words = desk.texts.plain(Text::ExportSoon);
            (&self.exports, Some(outgoing::notice(&chat.to, &chat.from, &words, chat.thread.as_deref())))
        } else {
            (&self.errands, stanza::error_reply(&stanza, self.helpdesk.domain(), Refusal::TOO_MUCH))
        };
        let errand = |turn: Turn| async move {
            let (answer, _place) = match said {
                // A change is queued without looking anything up: what is written next must not overtake it.
                Said::Order(DeskOrder::Own(order)) if order.is_change() => {
                    let answer = run::own(&this.helpdesk, &desk, &chat.from, order, Some(&chat)).await;
                    (answer, turn.come().await)
                }
                said => {
                    let place = turn.come().await;
                    (this.follow(&desk, &chat, said).await, place)
                }
            };
            let answer = match answer {
                // It was followed and answered then; only the receipt may have been lost.
                Err(Error::Repeated) => Ok(Answer { text: String::new(), is_said: true }),
                answer => answer,
            };
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
        if errands.hand_in(&whose, errand) == Err(Busy)
            && let Some(reply) = refused
        {
            self.turn_away(&reply);
        }
    }

    async fn follow(&self, desk: &Desk, chat: &Chat, said: Said<DeskOrder>) -> Result<Answer, Error> {
        let said = match said {
            // These are queued without looking anything up: what is written next must not overtake them.
            Said::Order(DeskOrder::Own(order)) if order != Own::Help => {
                return self.own(desk, &chat.from, order, Some(chat)).await;
            }
            Said::Misused(_) => {
                let word = words::word(&chat.text()).unwrap_or_default();
                return Ok(Answer { text: desk.texts.stands_alone(&word), is_said: false });
            }
            said => said,
        };
        let agent = self.helpdesk.agent_at(&chat.from.to_bare()).await?.filter(|agent| agent.serves(&desk.name));
        match said {
            Said::Order(order) if agent.is_some() || order == DeskOrder::Own(Own::Help) => {
                self.run_at_desk(desk, agent.as_ref(), &chat.from, order, Some(chat)).await
            }
            _ if let Some(agent) = &agent
                && words::is_for_ticket(&words::word(&chat.text()).unwrap_or_default()) =>
            {
                let word = words::word(&chat.text()).unwrap_or_default();
                run::wrong_place(&self.helpdesk, agent, desk, &word).await
            }
            // To everybody else the words of the staff are words that nobody knows.
            _ => {
                let word = words::word(&chat.text()).unwrap_or_default();
                let mut known = Command::OWN.to_vec();
                known.extend(agent.iter().flat_map(|_| Command::AT_DESK));
                let near = words::near(&known, desk.texts.language(), &word);
                Ok(Answer { text: desk.texts.unknown(&word, near), is_said: false })
            }
        }
    }

    /// Does what a customer asks for; a long export only once in a while.
    async fn own(&self, desk: &Desk, from: &Jid, order: Own, chat: Option<&Chat>) -> Result<Answer, Error> {
        if order != Own::Export {
            return run::own(&self.helpdesk, desk, from, order, chat).await;
        }
        let (customer, now) = (from.to_bare(), self.helpdesk.clock().now());
        if self.exported().is_recent(&customer, now) {
            return Ok(Answer { text: desk.texts.plain(Text::ExportSoon), is_said: false });
        }
        let answer = run::own(&self.helpdesk, desk, from, order, chat).await?;
        if run::in_parts(&answer.text).len() > 1 {
            self.exported().note(customer, now);
        }
        Ok(answer)
    }

    /// What has many parts goes out no faster than the server takes it.
    async fn tell(&self, from: &BareJid, to: &Jid, thread: Option<&str>, answer: &Answer) -> Result<(), SendError> {
        let parts = run::in_parts(&answer.text);
        for part in &parts {
            self.outlet.send(&outgoing::notice(from, to, part, thread)).await?;
            if parts.len() > 1 {
                self.parts.keep(&self.outlet).await?;
            }
        }
        Ok(())
    }

    fn turn_away(&self, reply: &Element) {
        // In a flood: no line of the log for each.
        if !self.outlet.offer(reply) {
            tracing::debug!("nobody could be told that too many commands wait");
        }
    }

    fn exported(&self) -> MutexGuard<'_, Exported> {
        self.exported.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn sessions(&self) -> MutexGuard<'_, Sessions> {
        self.sessions.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The domain's error as a fault of XEP-0050; what is ours is logged, here alone.
pub(super) fn failed(error: &Error) -> Fault {
    match error {
        Error::NotFound(_) => Fault::NotFound,
        Error::Forbidden(_) => Fault::Forbidden,
        Error::Invalid { .. }
        | Error::Conflict(_)
        | Error::GoesOn { .. }
        | Error::Overtaken { .. }
        | Error::Limited(_)
        | Error::Repeated => Fault::BadPayload,
        Error::Database(_)
        | Error::Busy
        | Error::WriteFailed(_)
        | Error::Stopping
        | Error::Unavailable(_)
        | Error::NotReady => {
            tracing::error!(%error, "a command failed");
            Fault::Failed
        }
    }
}
