//! English.

use super::Text;

pub(super) fn text(text: Text) -> &'static str {
    match text {
        Text::Greeting => "",
        Text::HandOff => "A person will answer you here. {queue} {hours}",
        Text::Failure => "Sorry, I cannot answer this right now. A person will reply to you here. {queue} {hours}",
        Text::Queue => "Before you in line: {ahead}.",
        Text::NextInLine => "You are next in line.",
        Text::Hours => "Our hours: {hours}.",
        Text::OutOfHours => "We are closed right now and open again {opening}. Our hours: {hours}.",
        Text::Closed => "We are closed right now.",
        Text::NobodyOnDuty => "Nobody is on duty right now, so it may take a while.",
        Text::Today => "today at {time}",
        Text::Tomorrow => "tomorrow at {time}",
        Text::OnWeekday => "on {weekday} at {time}",
        Text::OnDate => "on {weekday}, {year}-{month}-{day}, at {time}",
        Text::Days => "Mon Tue Wed Thu Fri Sat Sun",
        Text::Weekdays => "Monday Tuesday Wednesday Thursday Friday Saturday Sunday",
        Text::Nudge => {
            "Did this help? If you still need something, just write. Otherwise I will mark this as resolved."
        }
        Text::ResolvedIdle => {
            "I have not heard from you, so I marked this as resolved. You can write again at any time."
        }
        Text::Resolved => "This is marked as resolved. If anything is left, just write.",
        Text::ResolvedByYou => "Marked as resolved. Thank you! If anything is left, just write.",
        Text::Released => "You are talking to the assistant again. Ask for a person whenever you want one.",
        Text::Encrypted => {
            "I cannot read encrypted messages. Please switch encryption (OMEMO or OpenPGP) off for this chat and write \
             again: your message did not reach us."
        }
        Text::TooFast => {
            "That was more than {limit} messages in a minute. Please wait a minute: what you write until then does not \
             reach us."
        }
        Text::TooManyTickets => {
            "You have opened {limit} conversations today, which is the most we take. Please write again tomorrow: this \
             message did not reach us."
        }
        Text::NewTicket => "This is a new conversation. What is it about?",
        Text::NoTicket => "There is no open conversation. Just write to begin one.",
        Text::NoModel => "No language model is configured here, so I quote our help pages.",
        Text::Hello => "Hello! What can I look up for you?",
        Text::Welcome => "You are welcome!",
        Text::NothingFound => "I found nothing that answers this. A person will answer you here.",
        Text::StatusAway => "No person is here right now; the assistant answers.",
        Text::StatusOff => "Nobody is here right now. Leave a message: it will be read.",
    }
}
