//! The forms of the commands that have one, and the orders that filled-in ones are. What stands in a form is a
//! stranger's: it is read like the plain words.

use super::{
    AtDesk, AtTicket, Command, DeskOrder, Label, Own,
    form::{Field, Filled, Form, Kind},
    words::{self, HISTORY},
};
use crate::helpdesk::texts::{Text, Texts};

/// A command's name, in the desk's language where customers read it.
#[must_use]
pub fn label(command: Command, texts: &Texts) -> String {
    match command.label() {
        Label::Text(text) => texts.plain(text),
        Label::Words(words) => words.to_owned(),
    }
}

/// The form of a command; `None` where it has none and is done at once.
#[must_use]
pub fn form(command: Command, texts: &Texts) -> Option<Form> {
    let text = |text| texts.plain(text);
    let words = str::to_owned;
    let (instructions, fields) = match command {
        Command::New => (None, vec![field("message", text(Text::FieldMessage), Kind::Text)]),
        Command::Human => (None, vec![field("reason", text(Text::FieldReason), Kind::Text)]),
        Command::Erase => {
            let sure = Field { value: Some(words("0")), ..field("sure", text(Text::EraseYes), Kind::YesNo) };
            (Some(text(Text::EraseWarning)), vec![sure])
        }
        Command::Duty => {
            let choices = vec![
                ("on", words("On duty")),
                ("off", words("Off duty")),
                ("auto", words("As my chat client shows me")),
            ];
            (None, vec![required(field("duty", words("Duty"), Kind::Choice(choices)))])
        }
        Command::Release => {
            let choices = vec![("assistant", words("To the assistant")), ("queue", words("To colleagues"))];
            let to = field("to", words("To whom"), Kind::Choice(choices));
            let to = Field { value: Some(words("assistant")), ..required(to) };
            (None, vec![to, field("summary", words("What the assistant should know"), Kind::Text)])
        }
        Command::Note => (None, vec![required(field("text", words("Note, for colleagues only"), Kind::Text))]),
        Command::Reply => (None, vec![required(field("text", words("To the customer"), Kind::Text))]),
        Command::Snooze => {
            let until = field("until", words("30m, 2h, 1d, 1w, tomorrow or off"), Kind::Line);
            (None, vec![Field { value: Some(words("2h")), ..required(until) }])
        }
        Command::Assign => (None, vec![required(field("agent", words("Agent, by id or address"), Kind::Line))]),
        Command::Priority => {
            let choices = ["low", "normal", "high", "urgent"].map(|word| (word, words(word)));
            (None, vec![required(field("priority", words("Priority"), Kind::Choice(choices.to_vec())))])
        }
        Command::Tags => (None, vec![field("tags", words("Tags, with commas between them"), Kind::Line)]),
        Command::History => {
            let count = field("count", words("How many messages"), Kind::Line);
            (None, vec![Field { value: Some(HISTORY.0.to_string()), ..count }])
        }
        Command::Suggest => (None, vec![field("hint", words("What you want to say"), Kind::Text)]),
        Command::Tickets
        | Command::Status
        | Command::Resolve
        | Command::Reopen
        | Command::Export
        | Command::Help
        | Command::Queue
        | Command::Mine
        | Command::Claim
        | Command::ResolveTicket
        | Command::ReopenTicket
        | Command::Room
        | Command::Summary
        | Command::Send => return None,
    };
    Some(Form { title: label(command, texts), instructions, fields })
}

fn field(var: &'static str, label: String, kind: Kind) -> Field {
    Field { var, label, kind, is_required: false, value: None }
}

fn required(field: Field) -> Field {
    Field { is_required: true, ..field }
}

/// The order that a desk's command with this form is; the error says what is missing in it.
///
/// # Errors
/// What is wrong with the form.
pub fn at_desk(command: Command, filled: &Filled) -> Result<DeskOrder, &'static str> {
    let text = |var| filled.text(var).map(str::to_owned);
    let own = match command {
        Command::New => Own::New(text("message")),
        Command::Tickets => Own::Tickets,
        Command::Status => Own::Status,
        Command::Human => Own::Human(text("reason")),
        Command::Resolve => Own::Resolve,
        Command::Reopen => Own::Reopen,
        Command::Export => Own::Export,
        Command::Erase => Own::Erase { confirmed: filled.is_yes("sure") },
        Command::Help => Own::Help,
        Command::Queue => return Ok(DeskOrder::Staff(AtDesk::Queue)),
        Command::Mine => return Ok(DeskOrder::Staff(AtDesk::Mine)),
        Command::Duty => {
            let duty = filled.text("duty").and_then(words::duty).ok_or("The duty is on, off or auto.")?;
            return Ok(DeskOrder::Staff(AtDesk::Duty(Some(duty))));
        }
        _ => return Err("This is a ticket's command."),
    };
    Ok(DeskOrder::Own(own))
}

/// The order that a ticket's command with this form is.
///
/// # Errors
/// What is wrong with the form.
pub fn at_ticket(command: Command, filled: &Filled) -> Result<AtTicket, &'static str> {
    let text = |var| filled.text(var).map(str::to_owned);
    Ok(match command {
        Command::Claim => AtTicket::Claim,
        Command::Release => match filled.text("to") {
            Some("queue") => AtTicket::Release { to_queue: true, summary: None },
            Some("assistant") => AtTicket::Release { to_queue: false, summary: text("summary") },
            _ => return Err("It goes to the assistant or to the queue."),
        },
        Command::Note => AtTicket::Note(text("text").ok_or("The note is empty.")?),
        Command::Reply => AtTicket::Reply(text("text").ok_or("The reply is empty.")?),
        Command::ResolveTicket => AtTicket::Resolve,
        Command::ReopenTicket => AtTicket::Reopen,
        Command::Snooze => {
            let snooze = filled.text("until").and_then(words::snooze);
            AtTicket::Snooze(snooze.ok_or("The time is 30m, 2h, 1d, 1w, tomorrow or off.")?)
        }
        Command::Assign => AtTicket::Assign(text("agent").ok_or("The agent is missing.")?),
        Command::Priority => {
            let priority = filled.text("priority").and_then(words::priority);
            AtTicket::Priority(priority.ok_or("The priority is low, normal, high or urgent.")?)
        }
        Command::Tags => AtTicket::Tags(Some(words::tags(filled.text("tags").unwrap_or_default()))),
        Command::History => match filled.text("count") {
            None => AtTicket::History(HISTORY.0),
            Some(count) => AtTicket::History(words::history(count).ok_or("The number of messages is 1 to 200.")?),
        },
        Command::Room => AtTicket::Room,
        Command::Summary => AtTicket::Summary,
        Command::Suggest => AtTicket::Suggest(text("hint")),
        Command::Send => AtTicket::SendSuggestion,
        _ => return Err("This is a desk's command."),
    })
}

#[cfg(test)]
mod tests {
    use xmpp_parsers::minidom::Element;

    use super::*;

    fn filled(fields: &[(&str, &str)]) -> Filled {
        let fields: String =
            fields.iter().map(|(var, value)| format!("<field var='{var}'><value>{value}</value></field>")).collect();
        let form: Element = format!("<x xmlns='jabber:x:data' type='submit'>{fields}</x>").parse().unwrap();
        Filled::read(&form).unwrap()
    }

    /// What each form says by itself is what a client sends that changes nothing, and what it lacks is told.
    #[test]
    fn every_form_can_be_filled_in_and_every_command_ends_in_an_order() {
        let texts = Texts::default();
        for command in Command::all() {
            let form = form(command, &texts);
            let fields = form.map(|form| form.fields).unwrap_or_default();
            let example = |field: &Field| match &field.kind {
                Kind::Choice(choices) => choices[0].0.to_owned(),
                _ => field.value.clone().unwrap_or_else(|| "something".to_owned()),
            };
            let values: Vec<_> = fields.iter().map(|field| (field.var, example(field))).collect();
            let full = filled(&values.iter().map(|(var, value)| (*var, value.as_str())).collect::<Vec<_>>());
            let empty = filled(&[]);
            let needs = fields.iter().any(|field| field.is_required);
            if Command::AT_TICKET.contains(&command) {
                assert!(at_ticket(command, &full).is_ok(), "{command:?}");
                assert_eq!(at_ticket(command, &empty).is_err(), needs, "{command:?}");
                assert!(at_desk(command, &full).is_err(), "{command:?}");
            } else {
                assert!(at_desk(command, &full).is_ok(), "{command:?}");
                assert_eq!(at_desk(command, &empty).is_err(), needs, "{command:?}");
                assert!(at_ticket(command, &full).is_err(), "{command:?}");
            }
        }
    }

    #[test]
    fn erasing_needs_a_tick() {
        for (value, confirmed) in [("1", true), ("true", true), ("0", false), ("confirm", false)] {
            let order = at_desk(Command::Erase, &filled(&[("sure", value)]));
            assert_eq!(order, Ok(DeskOrder::Own(Own::Erase { confirmed })), "{value}");
        }
    }

    #[test]
    fn nodes_are_unique_where_they_are_listed() {
        for commands in [[&Command::OWN[..], &Command::AT_DESK].concat(), Command::AT_TICKET.to_vec()] {
            for command in &commands {
                assert_eq!(Command::named(&commands, command.node()), Some(*command));
            }
        }
    }
}
