//! What an agent asks a ticket's own address for.

use chrono::{DateTime, Days, TimeDelta, Utc};
use deskbridge_entity::{
    agent::Role,
    attachment,
    message::{self, Author, Visibility},
    ticket::{Handler, Model},
};
use jid::BareJid;

use super::{Answer, list, quoted, utterance, word};
use crate::{
    helpdesk::{Agent, Caller, Error, Helpdesk, lifecycle, shown, texts::Texts},
    xmpp::{
        command::{AtTicket, Snooze, copilot::Copilot},
        rooms::Rooms,
    },
};

/// What an agent may write to a ticket's address: what there is on this instance, and for this agent.
fn help(rooms: &Rooms, agent: &Agent) -> String {
    let assign = ["/assign AGENT: give it to a colleague"];
    let room = ["/room: talk with the customer in a room"];
    let lines = [
        &[
            "What you write here goes to the customer. These do not:",
            "//TEXT or /note TEXT: a note for colleagues",
            "/claim: take the ticket",
            "/release: give it to the assistant, /release TEXT tells it what to know, /release queue gives it to colleagues",
            "/resolve: it is done; /reopen: it is not, and it is yours",
            "/snooze 2h: not to hear of it for a while (30m, 1d, 1w, tomorrow, off)",
        ][..],
        if agent.role == Role::Admin { &assign } else { &[] },
        &[
            "/priority low, normal, high or urgent",
            "/tags a, b sets the tags, /tags shows them, /tags none clears them",
        ],
        if rooms.are_there() { &room } else { &[] },
        &[
            "/history or /history 50: what was said",
            "/summary: what it is about",
            "/suggest: a draft of your reply, /suggest TEXT of one that says TEXT",
            "/send: send the last suggestion",
            "/help: this list",
        ],
    ];
    lines.concat().join("\n")
}

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
        AtTicket::Claim if has_it(agent, ticket) => {
            helpdesk.hear().await?;
            "You have it already.".to_owned()
        }
        AtTicket::Claim => {
            helpdesk.claim(&caller, id, None).await?;
            return Ok(Answer::said(shown(&format!("You have it: {} ({}).", ticket.subject, ticket.customer))));
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
        AtTicket::Reopen => {
            helpdesk.reopen(&caller, id, None).await?;
            "It is open again, and you have it.".to_owned()
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
        AtTicket::Tags(None) => tags_in_words(ticket),
        AtTicket::Tags(Some(tags)) => tags_in_words(&helpdesk.set_tags(&caller, id, None, tags).await?),
        AtTicket::Room if !has_it(agent, ticket) => {
            return Err(Error::Conflict("you do not have this ticket: claim it first".to_owned()));
        }
        AtTicket::Room => {
            helpdesk.hear().await?;
            rooms.open(ticket, agent)?.to_owned()
        }
        AtTicket::History(count) => {
            let said = helpdesk.conversation(&caller, id, None).await?;
            let skipped = said.messages.len().saturating_sub(count);
            let line = |message: &message::Model| {
                let mut line = utterance(message, false).trim_end().to_owned();
                let files = said.attachments.iter().filter(|file| file.message_id == message.id);
                files.filter_map(not_kept).for_each(|why| line.push_str(&format!("\n  {why}")));
                line
            };
            list(said.messages[skipped..].iter().map(line), "Nothing.")
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
        AtTicket::Help => help(rooms, agent),
    };
    Ok(Answer::new(shown(&done)))
}

/// Why a file that came with a message is not there.
fn not_kept(file: &attachment::Model) -> Option<String> {
    let why = file.failure.as_deref().filter(|_| file.state == attachment::State::Refused)?;
    Some(format!("({} was not kept: {why})", quoted(file.name.as_deref().unwrap_or("a file"))))
}

async fn summary(helpdesk: &Helpdesk, caller: &Caller, row: &Model) -> Result<String, Error> {
    let mut lines = vec![
        format!("Subject: {}", quoted(&row.subject)),
        format!("Customer: {} at {}", row.customer, row.desk),
        format!("Status: {}, priority {}", Texts::default().status(row.status), word(&row.priority)),
    ];
    lines.push(match (&row.agent, row.handler) {
        (Some(id), Handler::Agent) => {
            let agents = helpdesk.agents().await?;
            let name = agents.iter().find(|agent| agent.id == *id).map(Agent::display_name);
            format!("With: {}", name.as_ref().unwrap_or(id))
        }
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
        lines.push(format!("Handed off: {}", quoted(reason)));
    }
    if let Some(told) = &row.episode_summary {
        lines.push(format!("A colleague told the assistant: {}", quoted(told)));
    }
    let messages = helpdesk.conversation(caller, row.id, None).await?.messages;
    let note = messages.iter().rev().find(|message| message.visibility == Visibility::Internal);
    if let Some(note) = note {
        lines.push(format!("Last note: {}", quoted(&note.body)));
    }
    let last =
        messages.iter().rev().find(|message| message.author == Author::Customer && message.retracted_at.is_none());
    if let Some(last) = last {
        lines.push(format!("Last word of the customer: {}", quoted(&last.body)));
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

fn tags_in_words(row: &Model) -> String {
    let tags = tags_of(row);
    if tags.is_empty() { "No tags.".to_owned() } else { format!("Tags: {tags}.") }
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
pub(super) fn local(helpdesk: &Helpdesk, row: &Model, time: DateTime<Utc>) -> String {
    let time = helpdesk.desk(&row.desk).map_or(time.with_timezone(&chrono_tz::UTC), |desk| desk.hours.local(time));
    time.format("%Y-%m-%d %H:%M %Z").to_string()
}
