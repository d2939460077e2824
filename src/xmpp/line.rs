//! What a chat stanza is to the domain.

use super::stanza::Chat;
use crate::helpdesk::{Desk, Line, Origin};

/// The customer's line that a stanza holds, or the words in it that are a line.
pub fn of(desk: &Desk, chat: &Chat, body: String) -> Line {
    Line {
        desk: desk.name.clone(),
        customer: chat.from.to_bare(),
        resource: chat.from.resource().map(ToString::to_string),
        chat_states: Some(chat.supports_chat_states),
        body,
        files: chat.files.clone(),
        stanza_id: id(chat).map(str::to_owned),
        archive_id: chat.archive_id.clone(),
        written_at: chat.stamp,
        corrects: chat.corrects.clone(),
        reply_to: chat.reply_to.clone(),
        markable: chat.markable && chat.id.is_some(),
        client_id: None,
    }
}

/// By what a command's stanza is known again; `sender` is the chat's, and `text` all that it says.
pub fn origin<'a>(chat: &'a Chat, sender: &'a jid::BareJid, text: &'a str) -> Origin<'a> {
    Origin { sender, to: &chat.to, stanza_id: id(chat), archive_id: chat.archive_id.as_deref(), body: text }
}

fn id(chat: &Chat) -> Option<&str> {
    chat.id.as_deref().or(chat.origin_id.as_deref())
}
