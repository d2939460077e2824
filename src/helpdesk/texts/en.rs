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
        Text::OutOfHours => "We are closed right now and open again {opening}.",
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
        Text::TakenBack => "We have taken a message back. Your client cannot hide it by itself.",
        Text::TooFast => {
            "That was more than {limit} messages in a minute, so what you wrote beyond that did not reach us. Please \
             send it again in a minute."
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
        Text::StillLooking => "One moment, I am still looking.",
        Text::StatusAway => "No person is here right now; the assistant answers.",
        Text::StatusOff => "Nobody is here right now. Leave a message: it will be read.",
        Text::CommandNew => "Begin a new conversation",
        Text::CommandTickets => "My conversations",
        Text::CommandStatus => "How does it stand?",
        Text::CommandHuman => "Talk to a person",
        Text::CommandResolve => "Mark as resolved",
        Text::CommandReopen => "Reopen what was resolved",
        Text::CommandExport => "Export my data",
        Text::CommandErase => "Erase my data",
        Text::CommandHelp => "Help",
        Text::Help => {
            "You can just write. These words do more:\n/human: talk to a person\n/status: how does it stand?\n/new: begin a \
             new conversation\n/tickets: your conversations\n/resolve: mark as resolved\n/reopen: go on with what was \
             resolved\n/export: everything you and we have written\n/erase: erase all of it\n/help: this list"
        }
        Text::UnknownWord => "I do not know /{word}. /help lists what I know.",
        Text::UnknownNear => "I do not know /{word}. Did you mean /{near}? /help lists what I know.",
        Text::Reopened => "“{subject}” is open again. What is left?",
        Text::ReopenRuns => "“{subject}” is open. Just write.",
        Text::ReopenTooLate => "There is nothing that could be reopened. Just write to begin a new conversation.",
        Text::AskedForPerson => "Done. A person will answer you in the chat.",
        Text::WithPerson => "A person has your conversation already and will answer you here.",
        Text::NoTickets => "You have no conversations with us.",
        Text::TicketLine => "{date}: {subject} ({status})",
        Text::MoreTickets => "There are older ones, too.",
        Text::Standing => "“{subject}”: {status}. {wait}",
        Text::IsOpen => "we owe you an answer",
        Text::IsPending => "waiting for you",
        Text::IsEscalated => "waiting for a person",
        Text::IsResolved => "resolved",
        Text::IsClosed => "closed",
        Text::EraseWarning => {
            "This erases all your conversations with all our desks, for you and for us. It cannot be undone."
        }
        Text::EraseHow => "If you are sure, write: /erase confirm",
        Text::EraseYes => "Yes, erase everything",
        Text::EraseNot => "Nothing was erased.",
        Text::Erased => "Everything is erased. Conversations: {count}.",
        Text::ExportSent => "That is much: it comes as messages in the chat.",
        Text::ExportSoon => {
            "You were sent everything a moment ago, or it is on its way. Please ask again in five minutes."
        }
        Text::ExportCut => "There is more than fits into a chat. Please ask us for the rest.",
        Text::FieldMessage => "What is it about?",
        Text::FieldReason => "Why? (may stay empty)",
        Text::CommandFailed => "Sorry, that did not work. Please try again later.",
        Text::RoomInvitation => "{agent} invites you to a room, to talk there: xmpp:{room}?join",
        Text::RoomClosed => "This conversation is over. Thank you!",
        Text::FileRefused => {
            "{file} did not reach us: it may be too large, encrypted, of a kind that we do not take, or out of our reach. Please send it in another way, or tell us what is in it."
        }
        Text::Goodbye => "Goodbye!",
        Text::Noted => "Good. If anything else comes up, just write.",
        Text::AskMeMeanwhile => "With /new you can ask me something else; this question then no longer waits.",
        Text::NewInstead => "This is a new conversation; “{subject}” no longer waits for a person. What is it about?",
        Text::NewAbout => "This is a new conversation.",
        Text::NoLongerWaits => "“{subject}” no longer waits for a person.",
        Text::StandsAlone => {
            "/{word} takes no text, so this did not reach us. Write /{word} alone, or your message without the slash."
        }
        Text::Doubted => "I am sorry that this did not help. A person will look at it.",
        Text::NoSubject => "a conversation without a question yet",
        Text::YourFile => "Your file",
        Text::Date => "{year}-{month}-{day}",
    }
}
