//! What an agent asks a desk for.

use chrono::TimeDelta;
use deskbridge_entity::{agent::Duty, ticket::Model};

use super::{Answer, list, word};
use crate::{
    helpdesk::{
        Agent, Desk, Error, Helpdesk, Queued,
        texts::{Language, Texts},
        ticket_node,
    },
    xmpp::command::AtDesk,
};

/// Tickets in the queue's list, at most.
const LISTED: u64 = 100;

/// What an agent may write to a desk's address besides what a customer may.
#[must_use]
pub fn desk_help(language: Language) -> &'static str {
    match language {
        Language::English => {
            "For agents:\n/queue: the tickets that wait\n/mine: the tickets that you have\n/on, /off, /auto: be told of \
             waiting tickets, or not, or as your chat client shows you"
        }
        Language::German => {
            "Für Mitarbeiter:\n/queue: was auf jemanden wartet\n/mine: was Sie haben\n/on, /off, /auto: von Wartenden \
             erfahren, oder nicht, oder wie Ihr Programm Sie zeigt"
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
        AtDesk::Queue => {
            let queue = helpdesk.queue(&caller, Some(&desk.name), LISTED).await?;
            let line = |queued: &Queued| {
                let waited = TimeDelta::seconds(queued.waiting_seconds.try_into().unwrap_or_default());
                format!("{} – waits {}", listed(helpdesk, &queued.ticket), minutes(waited))
            };
            Ok(Answer::new(list(queue.iter().map(line), "Nobody waits.")))
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
