//! What an agent asks a desk for.

use chrono::TimeDelta;
use deskbridge_entity::{agent::Duty, ticket::Model};

use super::{Answer, address, list, ticket::local, word};
use crate::{
    helpdesk::{
        Agent, Caller, Desk, Error, Helpdesk, Queued, shown,
        texts::{Language, Texts},
    },
    xmpp::command::AtDesk,
};

/// Tickets in the queue's list, at most.
const LISTED: u64 = 100;

/// Tickets that are listed where nobody has asked for the queue.
const LISTED_IN_PASSING: u64 = 10;

/// What an agent may write to a desk's address besides what a customer may.
#[must_use]
pub fn desk_help(language: Language) -> &'static str {
    match language {
        Language::English => {
            "For agents:\n/queue: the tickets that wait\n/mine: the tickets that you have\n/on, /off, /auto: be told of \
             waiting tickets, or not, or as your chat client shows you\nWhat you do with a ticket, such as /claim, you write at \
             its own address; /help there lists it."
        }
        Language::German => {
            "Für Mitarbeiter:\n/queue: was auf jemanden wartet\n/mine: was Sie haben\n/on, /off, /auto: von Wartenden \
             erfahren, oder nicht, oder wie Ihr Programm Sie zeigt\nWas ein Gespräch betrifft, wie /claim, schreiben Sie an \
             dessen eigene Adresse; /help dort zählt es auf."
        }
    }
}

/// Does what an agent asks a desk for.
///
/// # Errors
/// [`Error::Forbidden`] to an agent of another desk; what the domain says.
pub async fn at_desk(helpdesk: &Helpdesk, agent: &Agent, desk: &Desk, order: AtDesk) -> Result<Answer, Error> {
    let caller = agent.caller();
    caller.require_desk(&desk.name)?;
    match order {
        AtDesk::Queue => Ok(Answer::new(queue(helpdesk, &caller, desk, LISTED).await?)),
        AtDesk::Mine => {
            let rows = helpdesk.held_by(&caller).await?;
            let line = |row: &Model| {
                let snoozed = row.snoozed_until.map(|until| format!(", snoozed until {}", local(helpdesk, row, until)));
                let status = Texts::default().status(row.status);
                format!("{} – {status}{}", listed(helpdesk, row), snoozed.unwrap_or_default())
            };
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

/// What an agent is told who says a ticket's command to a desk: where it belongs.
///
/// # Errors
/// As [`at_desk`].
pub async fn wrong_place(helpdesk: &Helpdesk, agent: &Agent, desk: &Desk, word: &str) -> Result<Answer, Error> {
    let waiting = queue(helpdesk, &agent.caller(), desk, LISTED_IN_PASSING).await?;
    let text =
        format!("Write /{word} at the ticket's own address. These wait:\n{waiting}\n/mine lists those you have.");
    Ok(Answer::new(text))
}

async fn queue(helpdesk: &Helpdesk, caller: &Caller, desk: &Desk, limit: u64) -> Result<String, Error> {
    let queue = helpdesk.queue(caller, Some(&desk.name), limit).await?;
    let line = |queued: &Queued| {
        let waited = TimeDelta::seconds(queued.waiting_seconds.try_into().unwrap_or_default());
        format!("{} – waits {}", listed(helpdesk, &queued.ticket), minutes(waited))
    };
    Ok(list(queue.iter().map(line), "Nobody waits."))
}

/// A ticket in an agent's list, by its own address, which chat clients make a link of.
fn listed(helpdesk: &Helpdesk, row: &Model) -> String {
    let address = address(helpdesk, &row.short_id);
    shown(&format!("{address} {}: {} ({})", row.customer, row.subject, word(&row.priority))).into_owned()
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_is_told_roughly() {
        for (minutes_passed, told) in [(-5, "0 min"), (119, "119 min"), (120, "2 h"), (2880, "2 d")] {
            assert_eq!(minutes(TimeDelta::minutes(minutes_passed)), told);
        }
    }
}
