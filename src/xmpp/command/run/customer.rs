//! What a customer asks a desk for.

use deskbridge_entity::ticket::Model;
use futures::join;
use jid::{BareJid, Jid};

use super::{Answer, utterance};
use crate::{
    helpdesk::{
        Asked, Caller, Desk, Error, Filter, Helpdesk, Line, Reopened,
        texts::{Text, Texts},
    },
    xmpp::{command::Own, line, stanza::Chat},
};

/// Tickets in a customer's list.
const LISTED: u64 = 20;
/// The longest export, in bytes.
const LONGEST_EXPORT: usize = 4 * 1024 * 1024;

/// Does what a customer asks a desk for; `chat` is the stanza that asks, if it is in words.
///
/// # Errors
/// [`Error::Repeated`] when the stanza has come before; what the domain says: a customer needs no reason but that it
/// failed.
pub async fn own(
    helpdesk: &Helpdesk,
    desk: &Desk,
    from: &Jid,
    order: Own,
    chat: Option<&Chat>,
) -> Result<Answer, Error> {
    let customer = from.to_bare();
    let texts = &desk.texts;
    let text = chat.map(Chat::text).unwrap_or_default();
    // What comes along as a line is known again by itself.
    let once = chat.map_or_else(|| helpdesk.clone(), |chat| helpdesk.once(&line::origin(chat, &customer, &text)));
    match order {
        Own::New(first) => {
            // Both are queued at once, in this order: nothing that comes behind gets between.
            let has_words = first.is_some();
            let begun = once.begin_anew(&desk.name, &customer, has_words);
            let (begun, said) = join!(begun, say(helpdesk, desk, from, first, chat));
            said?;
            begun?;
            Ok(Answer::said(texts.plain(if has_words { Text::NewAbout } else { Text::NewTicket })))
        }
        Own::Human(reason) => {
            let why = "the customer asks for a person by command";
            let asked = once.ask_for_person(&desk.name, &customer, why, reason.clone());
            // The reason first: it may open the ticket, and names it then.
            let (said, asked) = join!(say(helpdesk, desk, from, reason, chat), asked);
            said?;
            Ok(match asked? {
                Asked::HandedOff(_) => Answer::said(texts.plain(Text::AskedForPerson)),
                Asked::Waiting(_) => Answer::new(helpdesk.wait_of(&desk.name, &customer).await?),
                Asked::WithPerson(_) => Answer::new(texts.plain(Text::WithPerson)),
            })
        }
        Own::Resolve => Ok(match once.resolve_own(&desk.name, &customer).await? {
            Some(_) => Answer::said(texts.resolved_by_you()),
            None => Answer::new(texts.no_ticket()),
        }),
        Own::Reopen => Ok(match once.reopen_own(&desk.name, &customer).await? {
            Reopened::Again(subject) => Answer::said(texts.reopened(&subject)),
            Reopened::Runs(subject) => Answer::new(texts.reopen_runs(&subject)),
            Reopened::TooLate => Answer::new(texts.plain(Text::ReopenTooLate)),
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
            let erased = once.erase_customer(&Caller::customer(&customer), &customer).await?;
            Ok(Answer::new(texts.erased(erased.tickets)))
        }
        Own::Help => Ok(Answer::new(texts.help())),
    }
}

/// The words that came along with a command are a line of the customer.
async fn say(
    helpdesk: &Helpdesk,
    desk: &Desk,
    from: &Jid,
    words: Option<String>,
    chat: Option<&Chat>,
) -> Result<(), Error> {
    let Some(body) = words else { return Ok(()) };
    let line = match chat {
        Some(chat) => line::of(desk, chat, body),
        None => Line::plain(desk.name.clone(), from.to_bare(), from.resource().map(ToString::to_string), body),
    };
    helpdesk.receive(line).await?.await.map(drop)
}

async fn tickets(helpdesk: &Helpdesk, desk: &Desk, customer: &BareJid) -> Result<String, Error> {
    let filter = Filter { limit: LISTED, ..Filter::default() };
    let page = helpdesk.tickets(&Caller::customer(customer), &filter).await?;
    if page.items.is_empty() {
        return Ok(desk.texts.plain(Text::NoTickets));
    }
    let line = |row: &Model| {
        let date = desk.texts.date(desk.hours.local(row.last_message_at).date_naive());
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
