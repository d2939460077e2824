//! `/api/v1/xmpp/tickets/{id}/messages`: speaking in a ticket; and how messages are shown.

use axum::{Json, http::StatusCode};
use deskbridge_entity::{
    attachment::Model as Attachment,
    message::{Author, Model},
    ticket,
};
use serde::{Deserialize, Deserializer, Serialize, de::Error as _};
use utoipa::ToSchema;
use uuid::Uuid;

use super::{
    ApiError,
    attachment::{self, AttachmentOut},
    change::Ask,
    extract::{self, Body, TicketId},
    idempotency::Once,
    if_match::IfMatch,
    wire::{self, AuthorWord, Timestamp, VisibilityWord},
};
use crate::helpdesk::{Caller, ClientId, Helpdesk, Role};

#[derive(Deserialize, ToSchema)]
#[serde(remote = "Self")]
pub(super) struct MessageIn {
    content: Option<String>,
    /// A file to send with it, which lies somewhere on the web.
    attachment_url: Option<String>,
    jid: Option<String>,
    /// What the caller's program knows the message by: the same again, with the same content, is the same message.
    #[schema(min_length = 1, max_length = 255)]
    client_message_id: Option<String>,
}

impl<'de> Deserialize<'de> for MessageIn {
    /// Something to say is needed.
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let message = Self::deserialize(deserializer)?;
        if message.content.is_none() && message.attachment_url.is_none() {
            return Err(D::Error::missing_field("content"));
        }
        Ok(message)
    }
}

impl MessageIn {
    /// The text, once it is clear that the caller means this ticket's customer.
    fn checked_for(self, ticket: &ticket::Model) -> Result<(String, Option<String>), ApiError> {
        let named = self.jid.as_deref().map(|jid| extract::address("jid", jid)).transpose()?;
        if named.is_some_and(|jid| jid.to_bare().as_str() != ticket.customer) {
            return Err(ApiError::Forbidden("jid: this is not the ticket's customer".to_owned()));
        }
        let link = self.attachment_url.map(|url| attachment::link("attachment_url", url)).transpose()?;
        Ok((extract::text("content", self.content.unwrap_or_default())?, link))
    }
}

#[derive(Serialize, ToSchema)]
pub(super) struct SaidOut {
    success: bool,
    message_id: Uuid,
    timestamp: Timestamp,
}

/// Speaks in a ticket: as its customer, or as an agent.
#[utoipa::path(
    post, path = "/api/v1/xmpp/tickets/{id}/messages", operation_id = "message_say", tag = "messages",
    params(TicketId, IfMatch), request_body = MessageIn,
    responses(
        (status = 201, description = "The message is on disk and on its way", body = SaidOut),
        (status = 200, description = "The message with this `client_message_id` is there already", body = SaidOut),
    )
)]
pub(super) async fn say(ask: Ask, Body(mut input): Body<MessageIn>) -> Result<(StatusCode, Json<SaidOut>), ApiError> {
    let Ask { api, once, caller, id, expected, .. } = ask;
    let ticket = api.helpdesk.ticket(&caller, id).await?;
    let client_id = client_id(&caller, input.client_message_id.take(), once.as_ref())?;
    let is_named = client_id.as_ref().is_some_and(|by| by.id().is_some());
    let (text, link) = input.checked_for(&ticket)?;
    let said = api.helpdesk.say_as(&caller, id, expected, text, link, client_id).await;
    let said = said.map_err(|error| ApiError::told(error, &caller, &api.helpdesk))?;
    // Who asked by a key alone gets the answer that was lost.
    let status = if said.is_duplicate && is_named { StatusCode::OK } else { StatusCode::CREATED };
    Ok((status, Json(SaidOut { success: true, message_id: said.message, timestamp: Timestamp(said.at) })))
}

/// What the message is known by: the id that it has, or else its request's key.
pub(super) fn client_id(
    caller: &Caller,
    given: Option<String>,
    once: Option<&Once>,
) -> Result<Option<ClientId>, ApiError> {
    let Some(id) = given else { return Ok(once.map(|Once(key)| ClientId::of_request(key))) };
    if !(1..=255).contains(&id.chars().count()) || id.chars().any(char::is_control) {
        return Err(ApiError::invalid(
            "client_message_id",
            "must be 1 to 255 characters, none of them a control character",
        ));
    }
    Ok(Some(ClientId::given(caller, id)))
}

/// A message as one reader sees it.
#[derive(Serialize, ToSchema)]
pub(super) struct MessageOut {
    id: Uuid,
    content: String,
    sender: String,
    timestamp: Timestamp,
    is_agent: bool,
    #[schema(value_type = AuthorWord)]
    author: &'static str,
    #[schema(value_type = VisibilityWord)]
    visibility: &'static str,
    /// It corrects an earlier message, which only staff and programs still see.
    #[serde(skip_serializing_if = "is_false")]
    edited: bool,
    /// A correction has taken its place.
    #[serde(skip_serializing_if = "is_false")]
    superseded: bool,
    /// Its author took it back; its content is withheld from everybody.
    #[serde(skip_serializing_if = "is_false")]
    retracted: bool,
    /// The staff has taken its content out of the database.
    #[serde(skip_serializing_if = "is_false")]
    redacted: bool,
    /// The message that it answers.
    #[serde(skip_serializing_if = "Option::is_none")]
    reply_to: Option<Uuid>,
    /// The customer's reactions to it.
    #[serde(skip_serializing_if = "Option::is_none")]
    reaction: Option<String>,
    /// Files that came with it, or went with it.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    attachments: Vec<AttachmentOut>,
    /// What the reader's own program knows it by.
    #[serde(skip_serializing_if = "Option::is_none")]
    client_message_id: Option<String>,
    #[serde(flatten)]
    #[schema(value_type = Delivery)]
    delivery: Option<Delivery>,
}

fn is_false(flag: &bool) -> bool {
    !*flag
}

/// How far a message of ours has come.
#[derive(Serialize, ToSchema)]
struct Delivery {
    sent_at: Option<Timestamp>,
    delivered_at: Option<Timestamp>,
    read_at: Option<Timestamp>,
    failed_at: Option<Timestamp>,
}

/// A ticket's messages as one reader sees them.
pub(super) struct View<'a> {
    reader: &'a Caller,
    customer: &'a str,
    desk_title: &'a str,
}

impl<'a> View<'a> {
    pub(super) fn new(ticket: &'a ticket::Model, reader: &'a Caller, helpdesk: &'a Helpdesk) -> Self {
        let desk_title = helpdesk.desk(&ticket.desk).map_or(ticket.desk.as_str(), |desk| desk.title.as_str());
        Self { reader, customer: &ticket.customer, desk_title }
    }

    /// The message, with its files out of `attachments`.
    pub(super) fn message(&self, message: Model, attachments: &[Attachment]) -> MessageOut {
        let files = attachments.iter().filter(|file| file.message_id == message.id);
        let attachments = files.map(|file| AttachmentOut::new(file.clone(), self.reader)).collect();
        let is_readers = |id: &String| ClientId::given(self.reader, id.clone()).is(message.client_key.as_deref());
        MessageOut {
            id: message.id,
            client_message_id: message.client_id.clone().filter(is_readers),
            sender: self.sender(message.author, message.author_id.as_deref(), message.author_name.as_deref()),
            timestamp: Timestamp(message.created_at),
            is_agent: message.author != Author::Customer,
            author: wire::author(message.author),
            visibility: wire::visibility(message.visibility),
            delivery: message.outbound.then(|| Delivery {
                sent_at: message.sent_at.map(Timestamp),
                delivered_at: message.delivered_at.map(Timestamp),
                read_at: message.read_at.map(Timestamp),
                failed_at: message.failed_at.map(Timestamp),
            }),
            edited: message.corrects.is_some(),
            superseded: message.superseded_at.is_some(),
            retracted: message.retracted_at.is_some(),
            redacted: message.redacted_at.is_some(),
            reply_to: message.reply_to,
            reaction: message.reaction,
            attachments,
            content: message.body,
        }
    }

    /// The name shown with a line. A person without a name speaks as the desk: the id is not for customers.
    fn sender(&self, author: Author, id: Option<&str>, name: Option<&str>) -> String {
        let is_own = match author {
            Author::Customer => self.reader.role == Role::Customer,
            Author::Agent => self.reader.is_staff() && id == Some(self.reader.id.as_str()),
            Author::Assistant | Author::System => false,
        };
        let shown = match author {
            _ if is_own => "You",
            Author::Customer => self.customer,
            Author::Assistant => "AI Assistant",
            Author::Agent => name.unwrap_or(self.desk_title),
            Author::System => self.desk_title,
        };
        shown.to_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reader(role: Role, id: &str) -> Caller {
        Caller { id: id.to_owned(), name: None, role, desks: None, scopes: vec![] }
    }

    #[test]
    fn the_sender_is_you_only_for_the_readers_own_lines() {
        let customer = reader(Role::Customer, "ann@example.com");
        // A customer whose JID is also an agent's id is still the customer here.
        let twin = reader(Role::Customer, "eve@example.com");
        let eve = reader(Role::Agent, "eve@example.com");
        let bob = reader(Role::Admin, "bob");
        let program = reader(Role::Service, "cron");
        let line = (Author::Customer, None, None);
        let answer = (Author::Assistant, None, None);
        let notice = (Author::System, None, None);
        let reply = (Author::Agent, Some("eve@example.com"), Some("Eve"));
        let nameless = (Author::Agent, Some("eve@example.com"), None);
        for (who, (author, id, name), expected) in [
            (&customer, line, "You"),
            (&customer, answer, "AI Assistant"),
            (&customer, notice, "Tea Support"),
            (&customer, reply, "Eve"),
            (&customer, nameless, "Tea Support"),
            (&twin, reply, "Eve"),
            (&eve, line, "ann@example.com"),
            (&eve, answer, "AI Assistant"),
            (&eve, notice, "Tea Support"),
            (&eve, reply, "You"),
            (&bob, line, "ann@example.com"),
            (&bob, reply, "Eve"),
            (&program, line, "ann@example.com"),
            (&program, reply, "Eve"),
        ] {
            let view = View { reader: who, customer: "ann@example.com", desk_title: "Tea Support" };
            assert_eq!(view.sender(author, id, name), expected, "{author:?} read by {:?} {}", who.role, who.id);
        }
    }
}
