//! Taking in a line of the customer, from XMPP or over REST.

use chrono::{DateTime, Utc};
use deskbridge_entity::{
    attachment,
    message::{self, Author},
    ticket::{self, Handler, Status},
};
use sha2::{Digest, Sha256};
use uuid::Uuid;

use super::{
    attachment::attach,
    correction,
    hand_off::{HandOff, Words, hand_off, tell_holder, tell_holder_of_step},
    new_message, open, outbound,
};
use crate::helpdesk::{
    ClientId, Error, Line, Received, Rules, Stored,
    attachments::described,
    lifecycle,
    lifecycle_feedback::{self, Pace},
    phrases::{self, SmallTalk},
    texts::NAMELESS,
    unit::{Conversation, Needs, Unit, Within},
    writer::Operation,
};

/// Stores a line in the conversation's ticket, or opens one.
pub(in crate::helpdesk) struct ReceiveLine {
    line: Line,
    /// Whether an assistant answers at the desk.
    assistant: bool,
    sender_key: Option<String>,
    archive_key: Option<String>,
}

impl ReceiveLine {
    pub(in crate::helpdesk) fn new(line: Line, assistant: bool) -> Self {
        // The sender is part of both keys: nobody can make another's line look like a duplicate.
        let sender = line.customer.as_str();
        let sender_key = line.stanza_id.as_deref().map(|id| fingerprint(&["id", sender, &line.desk, id, &line.body]));
        let archive_key = line.archive_id.as_deref().map(|id| fingerprint(&["archive", sender, &line.desk, id]));
        Self { line, assistant, sender_key, archive_key }
    }

    fn conversation(&self) -> (String, String) {
        (self.line.desk.clone(), self.line.customer.to_string())
    }

    /// The message it replies to and that one's ticket, if we said it to this customer at this desk, or the customer said it in
    /// the present ticket.
    fn replied(&self, unit: &Unit) -> Option<(Uuid, Uuid)> {
        let id = self.line.reply_to.as_deref()?;
        // Our messages have UUIDs; another id is none of ours.
        let ours = Uuid::try_parse(id).ok().and_then(|id| unit.message(id)).filter(|message| message.outbound);
        let Some(message) = ours else {
            let ticket = unit.current(&self.conversation())?.id;
            return Some((unit.line_with(ticket, id)?.id, ticket));
        };
        let ticket = unit.ticket(message.ticket_id)?;
        let is_own = ticket.desk == self.line.desk && ticket.customer == self.line.customer.as_str();
        is_own.then_some((message.id, ticket.id))
    }
}

impl Operation for ReceiveLine {
    type Output = Received;

    fn needs(&self, needs: &mut Needs) {
        needs.conversations.insert(self.conversation());
        if self.line.corrects.is_some() || self.line.reply_to.is_some() {
            needs.recent.insert(self.conversation());
        }
        needs.messages.extend(self.line.reply_to.as_deref().and_then(|id| Uuid::try_parse(id).ok()));
        needs.people |= !self.assistant;
        needs.stanza_keys.extend([&self.sender_key, &self.archive_key].into_iter().flatten().cloned());
        let customer = || Within::Customer(self.line.customer.to_string());
        needs.written.extend(self.line.client_id.as_ref().map(|by| (by.key.clone(), customer())));
    }

    fn apply(&self, unit: &mut Unit) -> Result<Received, Error> {
        let known = [&self.sender_key, &self.archive_key].into_iter().flatten().find_map(|key| unit.known(key));
        if let Some(known) = known {
            return Ok(Received {
                ticket: known.ticket,
                message: known.message,
                is_duplicate: true,
                opened: false,
                pace: Pace::Other,
            });
        }
        if let Some(known) = opened_before(unit, &self.conversation(), self.line.client_id.as_ref(), &self.line.body)? {
            return Ok(known);
        }
        let now = unit.now;
        let desk = unit.desk(&self.line.desk);
        // A subject names a file; its URL would say little.
        let words = described(&self.line.body, self.line.files.iter().map(String::as_str));
        let current = unit.current(&self.conversation());
        let is_first = current.is_none();
        let pace = current.map_or(Pace::Other, |ticket| lifecycle_feedback::pace(ticket, now));
        let replied = self.replied(unit);
        let live = current.filter(|ticket| lifecycle::is_live(ticket.status));
        let older = replied.and_then(|(_, ticket)| unit.ticket(ticket));
        let takes = |ticket: &&ticket::Model| lifecycle::takes_lines(ticket, now, &desk.rules);
        let continued = live.or(older.filter(takes)).or(current.filter(takes)).map(|ticket| ticket.id);
        let ticket = match continued {
            Some(id) => {
                unit.take_up(self.conversation(), id);
                id
            }
            None => {
                unit.check_opening(&desk, &self.line.customer)?;
                open(unit, &self.line.desk, &self.line.customer, &words)
            }
        };
        let corrected = correction::corrected(unit, ticket, self.line.corrects.as_deref());
        // Who corrects does not reply.
        let pace = if corrected.is_some() { Pace::Other } else { pace };
        let resource = self.line.resource.clone();
        let upto = unit.ticket(ticket).and_then(|row| row.context_summary_upto);
        let changes_summary = corrected.as_ref().is_some_and(|line| unit.is_summarised(ticket, line.origin, upto));
        let was_done = is_done(unit, ticket);
        unit.change(ticket, |row, now| {
            match &corrected {
                Some(line) if !is_mere_closing(row, &self.line.body) => {
                    lifecycle_feedback::customer_corrected(row, line.was_newest, now, &desk.rules);
                }
                _ => take(row, &self.line.body, now, &desk.rules),
            }
            if changes_summary {
                lifecycle::forget_context(row);
            }
            if corrected.as_ref().is_some_and(|line| line.was_first) && !row.subject_is_named {
                row.subject = subject_of(&words);
            }
            if let (None, Some((_, answered))) = (continued, replied) {
                row.previous_ticket_id = Some(answered);
            }
            // A ticket that was begun by a command or a greeting is named by what is said next.
            if row.subject == NAMELESS || (!row.subject_is_named && phrases::small_talk(&row.subject).is_some()) {
                row.subject = subject_of(&words);
            }
            if resource.is_some() {
                row.customer_resource = resource;
            }
            row.customer_has_chat_states = self.line.chat_states.unwrap_or(row.customer_has_chat_states);
        });
        let mut message = new_message(ticket, Author::Customer, self.line.body.clone(), now);
        message.stanza_id.clone_from(&self.line.stanza_id);
        message.sender_key.clone_from(&self.sender_key);
        message.archive_key.clone_from(&self.archive_key);
        // A stamp is the sender's word: one of long ago would only confuse.
        if let Some(at) = self.line.written_at.filter(|at| now - at < LONGEST_DELAY) {
            // A clock ahead of ours must not put a line after its answer.
            message.created_at = at.min(now);
        }
        message.corrects = corrected.as_ref().map(|line| line.origin);
        message.reply_to = replied.map(|(message, _)| message);
        message.markable = self.line.markable;
        name(&mut message, self.line.client_id.as_ref());
        let id = message.id;
        unit.say(message);
        for url in &self.line.files {
            attach(unit, ticket, id, url, attachment::State::Pending);
        }
        let read = if corrected.is_some() { format!("(corrected) {}", self.line.body) } else { self.line.body.clone() };
        if let Some(line) = corrected {
            unit.supersede(ticket, line.version);
            unit.learn_anew(ticket);
            unit.event("message.corrected", Some(ticket), Some(line.version), serde_json::json!({ "by": id }));
        }
        if let Some(greeting) = desk.texts.greeting(&desk.title).filter(|_| is_first) {
            unit.say(outbound(ticket, Author::System, greeting, now));
        }
        after_line(unit, ticket, id, read, was_done);
        Ok(Received { ticket, message: id, is_duplicate: false, opened: continued.is_none(), pace })
    }
}

/// Notes what a message is known by to the program that wrote it.
pub(super) fn name(message: &mut message::Model, by: Option<&ClientId>) {
    message.client_key = by.map(|by| by.key.clone());
    message.client_id = by.and_then(|by| by.id.clone());
}

/// What became of a message of the conversation that its writer knows by this, if it is there.
pub(super) fn opened_before(
    unit: &Unit,
    conversation: &Conversation,
    by: Option<&ClientId>,
    body: &str,
) -> Result<Option<Received>, Error> {
    let Some(ticket) = unit.current(conversation) else { return Ok(None) };
    let known = unit.written(ticket.id, by, body)?;
    Ok(known.map(|known| Received {
        ticket: ticket.id,
        message: known.id,
        is_duplicate: true,
        // Both have the time of one commit.
        opened: known.created_at == ticket.created_at,
        pace: Pace::Other,
    }))
}

/// Thanks, "ok" and farewells in a ticket that is done do not open it again.
fn is_mere_closing(ticket: &ticket::Model, body: &str) -> bool {
    ticket.status == Status::Resolved && phrases::small_talk(body).is_some_and(SmallTalk::is_closing)
}

/// What a line does to its ticket.
pub(super) fn take(ticket: &mut ticket::Model, body: &str, now: DateTime<Utc>, rules: &Rules) {
    if is_mere_closing(ticket, body) {
        lifecycle::customer_thanked(ticket, now);
    } else {
        lifecycle::customer_wrote(ticket, now, rules);
    }
}

/// Whether the ticket was settled, until now.
pub(super) fn is_done(unit: &Unit, ticket: Uuid) -> bool {
    unit.ticket(ticket).is_some_and(|row| row.status == Status::Resolved)
}

/// The agent who has the ticket reads the line, and that it reopens what `was_done`; where no assistant answers, people do.
pub(super) fn after_line(unit: &mut Unit, ticket: Uuid, message: Uuid, body: String, was_done: bool) {
    let Some(row) = unit.ticket(ticket) else { return };
    match row.handler {
        Handler::Agent => {
            if was_done && lifecycle::is_live(row.status) {
                let text = format!("The customer has reopened this ticket, and it is yours: {}", row.subject);
                tell_holder_of_step(unit, ticket, text);
            }
            tell_holder(unit, ticket, Some(message), body);
        }
        Handler::Assistant if row.status == Status::Open && !unit.desk(&row.desk).assistant => {
            let reason = "the desk has no assistant".to_owned();
            let issue = subject_of(&body);
            let summary = format!("Handed off: {reason}\nIssue: {issue}");
            hand_off(unit, ticket, &HandOff { words: Words::Person, reason, summary, issue });
        }
        _ => {}
    }
}

/// Stores a line in a ticket that the caller names.
pub(in crate::helpdesk) struct AppendLine {
    pub ticket: Uuid,
    pub body: String,
    /// What the program knows it by that sent it.
    pub client_id: Option<ClientId>,
}

impl Operation for AppendLine {
    type Output = Stored;

    fn needs(&self, needs: &mut Needs) {
        needs.with_siblings.insert(self.ticket);
        needs.people = true;
        needs.written.extend(self.client_id.as_ref().map(|by| (by.key.clone(), Within::Ticket(self.ticket))));
    }

    fn apply(&self, unit: &mut Unit) -> Result<Self::Output, Error> {
        let now = unit.now;
        let ticket = unit.ticket(self.ticket).ok_or_else(|| Error::NotFound(format!("ticket {}", self.ticket)))?;
        if let Some(known) = unit.written(self.ticket, self.client_id.as_ref(), &self.body)? {
            return Ok(Stored::before(known));
        }
        unit.check_no_other(ticket)?;
        let desk = unit.desk(&ticket.desk);
        if !lifecycle::takes_lines(ticket, now, &desk.rules) {
            return Err(Error::Conflict("this ticket is closed; open a new one".to_owned()));
        }
        let was_done = is_done(unit, self.ticket);
        unit.change(self.ticket, |row, now| take(row, &self.body, now, &desk.rules));
        let mut message = new_message(self.ticket, Author::Customer, self.body.clone(), now);
        name(&mut message, self.client_id.as_ref());
        let id = message.id;
        unit.say(message);
        after_line(unit, self.ticket, id, self.body.clone(), was_done);
        Ok(Stored::now(id, now))
    }
}

/// How old a delayed line's own time may be; what is older is dated by its arrival.
const LONGEST_DELAY: chrono::TimeDelta = chrono::TimeDelta::days(30);

/// A short name of a stanza, the same for the same parts.
pub(in crate::helpdesk) fn fingerprint(parts: &[&str]) -> String {
    let mut hash = Sha256::new();
    for part in parts {
        hash.update((part.len() as u64).to_be_bytes());
        hash.update(part.as_bytes());
    }
    let digest = hash.finalize();
    base64::Engine::encode(&base64::engine::general_purpose::URL_SAFE_NO_PAD, &digest[..16])
}

/// The longest subject, in characters.
pub(in crate::helpdesk) const SUBJECT_CHARS: usize = 60;

/// A subject from a text: its first line, cut at a word to at most 60 characters.
pub(in crate::helpdesk) fn subject_of(text: &str) -> String {
    let line = text.lines().map(str::trim).find(|line| !line.is_empty()).unwrap_or(NAMELESS);
    let line: String = line.split_whitespace().collect::<Vec<_>>().join(" ");
    if line.chars().count() <= SUBJECT_CHARS {
        return line;
    }
    let cut: String = line.chars().take(SUBJECT_CHARS - 1).collect();
    let whole_words = cut.rsplit_once(' ').map_or(cut.as_str(), |(head, _)| head);
    format!("{}…", whole_words.trim_end_matches([',', '.', ';', ':', ' ']))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_subject_is_one_line_of_at_most_60_characters_cut_at_a_word() {
        assert_eq!(subject_of("\n  My   parcel\tis late \nsecond"), "My parcel is late");
        let long = subject_of("I ordered the big green tea box three weeks ago, and it has still not come");
        assert_eq!(long, "I ordered the big green tea box three weeks ago, and it…");
        assert!(subject_of(&"ä".repeat(200)).chars().count() <= SUBJECT_CHARS);
    }

    #[test]
    fn a_fingerprint_keeps_its_parts_apart() {
        assert_ne!(fingerprint(&["ab", "c"]), fingerprint(&["a", "bc"]));
        assert_eq!(fingerprint(&["ab", "c"]), fingerprint(&["ab", "c"]));
    }
}
