//! What each command does, by the domain, and what its asker is told. The domain checks who may.

use chrono::{DateTime, Days, TimeDelta, Utc};
use deskbridge_entity::{
    agent::Duty,
    message::{self, Author, Visibility},
    ticket::{Handler, Model},
};
use futures::join;
use jid::{BareJid, Jid};

use super::{AtDesk, AtTicket, Own, Snooze, copilot::Copilot};
use crate::{
    helpdesk::{
        Agent, Asked, Caller, Desk, Error, Filter, Helpdesk, Line, lifecycle,
        texts::{Text, Texts},
        ticket_node,
    },
    xmpp::rooms::Rooms,
};

/// What somebody who asked is told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    /// In words; of several lines where it is a list.
    pub text: String,
    /// The domain has said it in the chat already; only who asked by a form needs it.
    pub is_said: bool,
}

impl Answer {
    fn new(text: impl Into<String>) -> Self {
        Self { text: text.into(), is_said: false }
    }

    fn said(text: impl Into<String>) -> Self {
        Self { text: text.into(), is_said: true }
    }
}

/// The longest message that carries an answer, in bytes: escaped it is still no trouble to a server.
const PART_BYTES: usize = 50_000;

/// A text in parts that fit into a message each, whole lines where that is possible.
#[must_use]
pub fn in_parts(text: &str) -> Vec<&str> {
    parts(text, PART_BYTES)
}

fn parts(text: &str, bytes: usize) -> Vec<&str> {
    let mut parts = Vec::new();
    let mut rest = text.trim_end();
    while rest.len() > bytes {
        let most = rest.floor_char_boundary(bytes);
        let end = rest[..most].rfind('\n').filter(|end| *end > 0).unwrap_or(most);
        parts.push(&rest[..end]);
        rest = rest[end..].trim_start_matches('\n');
    }
    parts.push(rest);
    parts
}

/// Tickets in a customer's list.
const LISTED: u64 = 20;
/// The longest export, in bytes.
const LONGEST_EXPORT: usize = 4 * 1024 * 1024;

/// Does what a customer asks a desk for.
///
/// # Errors
/// What the domain says; a customer needs no reason but that it failed.
pub async fn own(helpdesk: &Helpdesk, desk: &Desk, from: &Jid, order: Own) -> Result<Answer, Error> {
    let customer = from.to_bare();
    let texts = &desk.texts;
    match order {
        Own::New(first) => {
            // Both are queued at once, in this order: nothing that comes behind gets between.
            let (begun, said) = join!(helpdesk.begin_anew(&desk.name, &customer), say(helpdesk, desk, from, first));
            begun?;
            said?;
            Ok(Answer::said(texts.new_ticket()))
        }
        Own::Human(reason) => {
            let asked = helpdesk.ask_for_person(&desk.name, &customer, "the customer asks for a person by command");
            // The reason first: it may open the ticket, and names it then.
            let (said, asked) = join!(say(helpdesk, desk, from, reason), asked);
            said?;
            Ok(match asked? {
                Asked::HandedOff(_) => Answer::said(texts.plain(Text::AskedForPerson)),
                Asked::Waiting(_, told) => Answer::new(told),
                Asked::WithPerson(_) => Answer::new(texts.plain(Text::WithPerson)),
            })
        }
        Own::Resolve => Ok(match helpdesk.resolve_own(&desk.name, &customer).await? {
            Some(_) => Answer::said(texts.resolved_by_you()),
            None => Answer::new(texts.no_ticket()),
        }),
        Own::Status => Ok(Answer::new(match helpdesk.standing(&desk.name, &customer).await? {
            Some(found) => {
                let wait = found.wait.unwrap_or_default();
                texts.standing(&found.ticket.subject, found.ticket.status, &wait)
            }
            None => texts.no_ticket(),
        })),
        Own::Tickets => tickets(helpdesk, desk, &customer).await.map(Answer::new),
        Own::Export => export(helpdesk, texts, &customer).await.map(Answer::new),
        Own::Erase { confirmed: false } => {
            Ok(Answer::new(format!("{} {}", texts.plain(Text::EraseWarning), texts.plain(Text::EraseHow))))
        }
        Own::Erase { confirmed: true } => {
            let erased = helpdesk.erase_customer(&Caller::customer(&customer), &customer).await?;
            Ok(Answer::new(texts.erased(erased.tickets)))
        }
        Own::Help => Ok(Answer::new(texts.help())),
    }
}

/// The words that came along with a command are a line of the customer.
async fn say(helpdesk: &Helpdesk, desk: &Desk, from: &Jid, words: Option<String>) -> Result<(), Error> {
    let Some(body) = words else { return Ok(()) };
    let line = Line::plain(desk.name.clone(), from.to_bare(), from.resource().map(ToString::to_string), body);
    helpdesk.receive(line).await?.await.map(drop)
}

async fn tickets(helpdesk: &Helpdesk, desk: &Desk, customer: &BareJid) -> Result<String, Error> {
    let filter = Filter { limit: LISTED, ..Filter::default() };
    let page = helpdesk.tickets(&Caller::customer(customer), &filter).await?;
    if page.items.is_empty() {
        return Ok(desk.texts.plain(Text::NoTickets));
    }
    let line = |row: &Model| {
        let date = desk.hours.local(row.last_message_at).format("%Y-%m-%d").to_string();
        let line = desk.texts.ticket_line(&date, &row.subject, row.status);
        // Those of other desks say so.
        match helpdesk.desk(&row.desk).filter(|other| other.name != desk.name) {
            Some(other) => format!("{}: {line}", other.title),
            None => line,
        }
    };
    let mut lines: Vec<String> = page.items.iter().map(line).collect();
    lines.extend(page.next.map(|_| desk.texts.plain(Text::MoreTickets)));
    Ok(lines.join("\n"))
}

/// Everything that was said, the newest ticket first.
async fn export(helpdesk: &Helpdesk, texts: &Texts, customer: &BareJid) -> Result<String, Error> {
    let caller = Caller::customer(customer);
    let mut filter = Filter { limit: 100, ..Filter::default() };
    let mut text = String::new();
    loop {
        let page = helpdesk.tickets(&caller, &filter).await?;
        for row in &page.items {
            let title = helpdesk.desk(&row.desk).map_or(row.desk.as_str(), |desk| desk.title.as_str());
            let head = format!("{}: {} ({})\n", title, row.subject, texts.status(row.status));
            text.push_str(if text.is_empty() { "" } else { "\n" });
            text.push_str(&head);
            let mut after = 0;
            loop {
                let messages = helpdesk.said_in(&caller, row.id, after).await?;
                let Some(last) = messages.last() else { break };
                after = last.seq;
                messages.iter().for_each(|message| text.push_str(&utterance(message, true)));
                if text.len() > LONGEST_EXPORT {
                    text.push_str(&texts.plain(Text::ExportCut));
                    return Ok(text);
                }
            }
        }
        match page.next {
            Some(next) => filter.after = Some(next),
            None if text.is_empty() => return Ok(texts.plain(Text::NoTickets)),
            None => return Ok(text),
        }
    }
}

/// One message of a list.
fn utterance(message: &message::Model, for_customer: bool) -> String {
    let who = match message.author {
        Author::Customer => "customer",
        Author::Assistant => "assistant",
        Author::System => "system",
        Author::Agent => message.author_name.as_deref().unwrap_or("agent"),
    };
    let mut marks = String::new();
    if message.visibility == Visibility::Internal {
        marks.push_str(", note");
    }
    if message.retracted_at.is_some() {
        marks.push_str(", taken back");
    }
    if message.superseded_at.is_some() {
        marks.push_str(", corrected later");
    }
    // What a customer took back is hidden from the staff (XEP-0424), but still the customer's.
    let body = if message.retracted_at.is_some() && !for_customer { "…" } else { &message.body };
    format!("[{}] {who}{marks}: {body}\n", message.created_at.format("%Y-%m-%d %H:%M:%S UTC"))
}

/// Does what an agent asks a desk for.
///
/// # Errors
/// [`Error::Forbidden`] to an agent of another desk; what the domain says.
pub async fn at_desk(helpdesk: &Helpdesk, agent: &Agent, desk: &Desk, order: AtDesk) -> Result<Answer, Error> {
    let caller = agent.caller();
    caller.require_desk(&desk.name)?;
    let now = helpdesk.clock().now();
    match order {
        AtDesk::Queue => {
            let rows = helpdesk.waiting_at(&caller, &desk.name).await?;
            let line = |row: &Model| {
                let waited = row.waiting_since.map(|since| minutes(now - since)).unwrap_or_default();
                format!("{} – waits {waited}", listed(helpdesk, row))
            };
            Ok(Answer::new(list(rows.iter().map(line), "Nobody waits.")))
        }
        AtDesk::Mine => {
            let rows = helpdesk.held_by(&caller).await?;
            let line = |row: &Model| format!("{} – {}", listed(helpdesk, row), Texts::default().status(row.status));
            Ok(Answer::new(list(rows.iter().map(line), "You have no tickets.")))
        }
        AtDesk::Duty(None) => Ok(Answer::new(duty(agent.duty, agent.is_on_duty()))),
        AtDesk::Duty(Some(wanted)) => {
            helpdesk.set_duty(&caller, &agent.id, wanted).await?;
            let is_on = Agent { duty: wanted, ..agent.clone() }.is_on_duty();
            Ok(Answer::new(duty(wanted, is_on)))
        }
    }
}

fn list(lines: impl Iterator<Item = String>, none: &str) -> String {
    let lines: Vec<String> = lines.collect();
    if lines.is_empty() { none.to_owned() } else { lines.join("\n") }
}

/// A ticket in an agent's list, by its own address, which chat clients make a link of.
fn listed(helpdesk: &Helpdesk, row: &Model) -> String {
    let address = format!("{}@{}", ticket_node(&row.short_id), helpdesk.domain());
    format!("xmpp:{address} {}: {} ({})", row.customer, row.subject, word(&row.priority))
}

fn duty(duty: Duty, is_on: bool) -> String {
    let now = if is_on { "You are on duty" } else { "You are off duty" };
    let why = match duty {
        Duty::On => "until you say otherwise",
        Duty::Off => "until you say otherwise: you are told of no waiting tickets",
        Duty::Auto => "as your chat client shows you",
    };
    format!("{now}, {why}.")
}

/// How long, roughly.
fn minutes(time: TimeDelta) -> String {
    match time.num_minutes().max(0) {
        minutes @ 0..120 => format!("{minutes} min"),
        minutes @ 120..2880 => format!("{} h", minutes / 60),
        minutes => format!("{} d", minutes / 1440),
    }
}

/// What the database calls it, in lower case.
fn word<T: sea_orm::ActiveEnum<Value = String>>(value: &T) -> String {
    value.to_value().to_lowercase()
}

/// What an agent may write to a ticket's address.
pub const TICKET_HELP: &str = "What you write here goes to the customer. These do not:\n\
    //TEXT or /note TEXT: a note for colleagues\n\
    /claim: take the ticket\n\
    /release: give it to the assistant, /release TEXT tells it what to know, /release queue gives it to colleagues\n\
    /resolve: it is done\n\
    /snooze 2h: not to hear of it for a while (30m, 1d, 1w, tomorrow, off)\n\
    /assign AGENT: give it to a colleague (admins)\n\
    /priority low, normal, high or urgent\n\
    /tags a, b\n\
    /room: talk with the customer in a room\n\
    /history or /history 50: what was said\n\
    /summary: what it is about\n\
    /suggest: a draft of your reply, /suggest TEXT of one that says TEXT\n\
    /send: send the last suggestion\n\
    /help: this list";

/// What an agent may write to a desk's address besides what a customer may.
pub const DESK_HELP: &str = "For agents:\n\
    /queue: the tickets that wait\n\
    /mine: the tickets that you have\n\
    /on, /off, /auto: be told of waiting tickets, or not, or as your chat client shows you";

/// Does what an agent asks a ticket's address for. `ticket` was found for this agent.
///
/// # Errors
/// What the domain says.
pub async fn at_ticket(
    helpdesk: &Helpdesk,
    rooms: &Rooms,
    copilot: &Copilot,
    agent: &Agent,
    ticket: &Model,
    order: AtTicket,
) -> Result<Answer, Error> {
    let caller = agent.caller();
    let id = ticket.id;
    let done = match order {
        AtTicket::Claim if has_it(agent, ticket) => "You have it already.".to_owned(),
        AtTicket::Claim => {
            helpdesk.claim(&caller, id, None).await?;
            return Ok(Answer::said(format!("You have it: {} ({}).", ticket.subject, ticket.customer)));
        }
        AtTicket::Release { to_queue: true, .. } => {
            helpdesk.release(&caller, id, None, false, None).await?;
            "It is back in the queue.".to_owned()
        }
        AtTicket::Release { to_queue: false, summary } => {
            helpdesk.release(&caller, id, None, true, summary).await?;
            "The assistant has it.".to_owned()
        }
        AtTicket::Note(text) => {
            helpdesk.note(&caller, id, text).await?;
            "Noted.".to_owned()
        }
        AtTicket::Reply(text) => {
            helpdesk.say(&caller, id, text).await?;
            "Sent to the customer.".to_owned()
        }
        AtTicket::Resolve => {
            helpdesk.resolve(&caller, id, None).await?;
            "Resolved.".to_owned()
        }
        AtTicket::Snooze(snooze) => {
            let until = until(helpdesk, ticket, snooze);
            helpdesk.snooze(&caller, id, None, until).await?;
            match until {
                Some(until) => format!("Snoozed until {}.", local(helpdesk, ticket, until)),
                None => "No longer snoozed.".to_owned(),
            }
        }
        AtTicket::Assign(to) => {
            let id_of = match BareJid::new(&to) {
                Ok(jid) => helpdesk.agent_at(&jid).await?.map(|agent| agent.id),
                Err(_) => None,
            };
            let to = id_of.unwrap_or(to);
            helpdesk.assign(&caller, id, None, to.clone()).await?;
            format!("Assigned to {to}.")
        }
        AtTicket::Priority(priority) => {
            helpdesk.set_priority(&caller, id, None, priority).await?;
            format!("The priority is {}.", word(&priority))
        }
        AtTicket::Tags(tags) => {
            let row = helpdesk.set_tags(&caller, id, None, tags).await?;
            let tags = tags_of(&row);
            if tags.is_empty() { "No tags.".to_owned() } else { format!("Tags: {tags}.") }
        }
        AtTicket::Room if !has_it(agent, ticket) => {
            return Err(Error::Conflict("you do not have this ticket: claim it first".to_owned()));
        }
        AtTicket::Room => rooms.open(ticket, agent)?.to_owned(),
        AtTicket::History(count) => {
            let messages = helpdesk.conversation(&caller, id, None).await?.messages;
            let skipped = messages.len().saturating_sub(count);
            list(messages[skipped..].iter().map(|message| utterance(message, false).trim_end().to_owned()), "Nothing.")
        }
        AtTicket::Summary => {
            let facts = summary(helpdesk, &caller, ticket).await?;
            copilot.summary(helpdesk, &caller, ticket, facts).await?
        }
        AtTicket::Suggest(hint) => copilot.suggest(helpdesk, &caller, ticket, hint).await?,
        AtTicket::SendSuggestion => {
            copilot.send(helpdesk, &caller, ticket).await?;
            "Sent to the customer.".to_owned()
        }
        AtTicket::Help => TICKET_HELP.to_owned(),
    };
    Ok(Answer::new(done))
}

async fn summary(helpdesk: &Helpdesk, caller: &Caller, row: &Model) -> Result<String, Error> {
    let mut lines = vec![
        format!("Subject: {}", row.subject),
        format!("Customer: {} at {}", row.customer, row.desk),
        format!("Status: {}, priority {}", Texts::default().status(row.status), word(&row.priority)),
    ];
    lines.push(match (&row.agent, row.handler) {
        (Some(agent), Handler::Agent) => format!("With: {agent}"),
        (_, Handler::Assistant) => "With: the assistant".to_owned(),
        _ => "With: nobody".to_owned(),
    });
    let tags = tags_of(row);
    if !tags.is_empty() {
        lines.push(format!("Tags: {tags}"));
    }
    if let Some(since) = row.waiting_since {
        lines.push(format!("Waits for a person since {}", local(helpdesk, row, since)));
    }
    if let Some(until) = row.snoozed_until {
        lines.push(format!("Snoozed until {}", local(helpdesk, row, until)));
    }
    if let Some(reason) = &row.hand_off_reason {
        lines.push(format!("Handed off: {reason}"));
    }
    let messages = helpdesk.conversation(caller, row.id, None).await?.messages;
    let note = messages.iter().rev().find(|message| message.visibility == Visibility::Internal);
    if let Some(note) = note {
        lines.push(format!("Last note: {}", note.body));
    }
    let last =
        messages.iter().rev().find(|message| message.author == Author::Customer && message.retracted_at.is_none());
    if let Some(last) = last {
        lines.push(format!("Last word of the customer: {}", last.body));
    }
    Ok(lines.join("\n"))
}

fn has_it(agent: &Agent, ticket: &Model) -> bool {
    let is_held = ticket.handler == Handler::Agent && ticket.agent.as_ref() == Some(&agent.id);
    is_held && lifecycle::is_live(ticket.status)
}

fn tags_of(row: &Model) -> String {
    let tags: Vec<&str> = row.tags.as_array().into_iter().flatten().filter_map(serde_json::Value::as_str).collect();
    tags.join(", ")
}

fn until(helpdesk: &Helpdesk, row: &Model, snooze: Snooze) -> Option<DateTime<Utc>> {
    let now = helpdesk.clock().now();
    match snooze {
        Snooze::Off => None,
        Snooze::For(time) => TimeDelta::from_std(time).ok().and_then(|time| now.checked_add_signed(time)),
        Snooze::Tomorrow => {
            let local =
                helpdesk.desk(&row.desk).map_or(now.with_timezone(&chrono_tz::UTC), |desk| desk.hours.local(now));
            let morning = local.date_naive().checked_add_days(Days::new(1))?.and_hms_opt(9, 0, 0)?;
            // Nine in the morning is there on every day.
            morning.and_local_timezone(local.timezone()).earliest().map(|morning| morning.to_utc())
        }
    }
}

/// A time by the desk's clock.
fn local(helpdesk: &Helpdesk, row: &Model, time: DateTime<Utc>) -> String {
    let time = helpdesk.desk(&row.desk).map_or(time.with_timezone(&chrono_tz::UTC), |desk| desk.hours.local(time));
    time.format("%Y-%m-%d %H:%M %Z").to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_answer_comes_in_parts_and_loses_nothing() {
        let text = "one\ntwo\nthree\näöüäöü\n";
        assert_eq!(parts(text, 100), ["one\ntwo\nthree\näöüäöü"]);
        assert_eq!(parts(text, 8), ["one\ntwo", "three", "äöüä", "öü"]);
        assert_eq!(parts("\nab", 2), ["\na", "b"]);
        assert_eq!(parts("", 2), [""]);
    }

    #[test]
    fn a_time_is_told_roughly() {
        for (minutes_passed, told) in [(-5, "0 min"), (119, "119 min"), (120, "2 h"), (2880, "2 d")] {
            assert_eq!(minutes(TimeDelta::minutes(minutes_passed)), told);
        }
    }
}
