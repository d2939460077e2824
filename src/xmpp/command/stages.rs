//! A command's way from its first stage to its end (XEP-0050 §3).

use jid::{BareJid, Jid};

use super::{
    Command,
    adhoc::{Action, Ask, Fault, Reply, Status, Tone},
    fields,
    form::{self, Filled},
    place::Place,
    run::{self, Answer},
    serve::{Commands, failed},
    sessions::Missing,
};
use crate::helpdesk::{Error, texts::Text};

/// The longest result in a form; every line of it costs its tags, too.
const FORM_BYTES: usize = 60_000;
/// What a line costs beside its text, in bytes.
const LINE_COST: usize = 16;

/// An answer, and what is too long for it.
pub(super) struct Done {
    pub(super) reply: Reply,
    pub(super) chat: Option<Answer>,
}

impl Commands {
    pub(super) async fn execute(&self, from: &Jid, to: &BareJid, ask: &Ask) -> Result<Done, Fault> {
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
                self.run_at_desk(desk, agent.as_ref(), from, order, None).await
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
                | Error::GoesOn { .. }
                | Error::Overtaken { .. }
                | Error::Unavailable(_)
                | Error::NotReady),
            ) => {
                let text = if matches!(place, Place::Desk(_, None)) {
                    texts.plain(Text::CommandFailed)
                } else {
                    run::not_done(&self.helpdesk, &error)
                };
                (Tone::Error, Answer { text, is_said: false })
            }
            Err(Error::Limited(text)) => (Tone::Error, Answer { text, is_said: false }),
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
}

fn check(place: &Place, command: Command, filled: &Filled) -> Result<(), &'static str> {
    match place {
        Place::Desk(..) => fields::at_desk(command, filled).map(drop),
        Place::Ticket(..) => fields::at_ticket(command, filled).map(drop),
    }
}
