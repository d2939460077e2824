//! Tickets that were taken to a room.

use deskbridge_entity::ticket::{Handler, Model};
use jid::BareJid;
use uuid::Uuid;

use super::{
    Caller, Error, Helpdesk,
    conversation::check_body,
    lifecycle,
    operation::room::{CloseRoom, HearRoom, Heard, NoteOfRoom, OpenRoom, RoomLine},
    query, without_nul,
};

impl Helpdesk {
    /// Notes that the caller has taken a ticket to a room, which is there by now, and invites the customer in its chat.
    ///
    /// # Errors
    /// [`Error::Conflict`] unless the caller has the ticket; [`Error::NotFound`] unless the caller may see it.
    pub async fn open_room(&self, caller: &Caller, ticket: Uuid, room: BareJid) -> Result<Model, Error> {
        self.writer.write(OpenRoom { ticket, room, caller: caller.clone() }).await
    }

    /// Notes that a ticket's room is gone.
    ///
    /// # Errors
    /// [`Error::WriteFailed`].
    pub async fn close_room(&self, ticket: Uuid, room: BareJid) -> Result<(), Error> {
        self.writer.write(CloseRoom { ticket, room }).await
    }

    /// Takes in what was said in a ticket's room.
    ///
    /// # Errors
    /// [`Error::NotFound`] when the ticket has no such room; [`Error::Invalid`] for an empty or oversized text.
    pub async fn hear_room(&self, line: RoomLine) -> Result<Heard, Error> {
        let body = check_body("message", line.body)?;
        self.writer.write(HearRoom::new(RoomLine { body, nick: without_nul(line.nick), ..line })).await
    }

    /// Leaves a note, for the staff, of what goes on in a ticket's room.
    ///
    /// # Errors
    /// [`Error::NotFound`] when the ticket has no such room.
    pub async fn note_of_room(&self, ticket: Uuid, room: BareJid, text: String) -> Result<(), Error> {
        let text = without_nul(text);
        self.writer.write(NoteOfRoom { ticket, room, text }).await
    }

    /// The tickets that have a room.
    ///
    /// # Errors
    /// [`Error::Database`].
    pub async fn tickets_in_rooms(&self) -> Result<Vec<Model>, Error> {
        query::with_room(&self.store).await
    }
}

/// Whether a ticket may keep its room: until it is done, or the assistant has it.
#[must_use]
pub fn keeps_room(ticket: &Model) -> bool {
    lifecycle::is_live(ticket.status) && ticket.handler != Handler::Assistant
}
