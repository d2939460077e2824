//! What is a customer's own: how it stands, everything that was said, and the end of it all. And what waits for agents.

use deskbridge_entity::{
    message,
    ticket::{self, Status},
};
use jid::BareJid;
use uuid::Uuid;

use super::{
    Caller, Desk, Error, Export, Footprint, Helpdesk, Role, check_jid, footprint,
    operation::{erase::EraseCustomer, hand_off::TellPlace},
    query,
    texts::Wait,
};

/// Where a customer's ticket stands.
#[derive(Clone, Debug)]
pub struct Standing {
    /// The live ticket, else the latest.
    pub ticket: ticket::Model,
    /// While it waits for a person: the place in the queue, and when somebody is there, in the desk's words.
    pub wait: Option<String>,
}

/// What was erased.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Erased {
    /// How many tickets.
    pub tickets: usize,
    /// Files that were attached, by the ids of their rows: whoever keeps files removes them.
    pub attachments: Vec<Uuid>,
    /// All rows, counted where they were.
    pub footprint: Footprint,
}

impl Helpdesk {
    /// How a customer's ticket at a desk stands; `None` when there never was one.
    ///
    /// # Errors
    /// [`Error::NotFound`] for an unknown desk, [`Error::Database`].
    pub async fn standing(&self, desk: &str, customer: &BareJid) -> Result<Option<Standing>, Error> {
        let desk = self.known_desk(desk)?;
        let Some(ticket) = query::current_of(&self.store, &desk.name, customer).await? else { return Ok(None) };
        if ticket.status != Status::Escalated {
            return Ok(Some(Standing { ticket, wait: None }));
        }
        let wait = self.wait(desk, &ticket).await?;
        Ok(Some(Standing { ticket, wait: Some(desk.texts.place(&wait)) }))
    }

    /// What a customer whose ticket waits for a person is told, in the desk's words.
    ///
    /// # Errors
    /// As [`Helpdesk::standing`].
    pub async fn wait_of(&self, desk: &str, customer: &BareJid) -> Result<String, Error> {
        let desk = self.known_desk(desk)?;
        let ticket = query::current_of(&self.store, &desk.name, customer).await?;
        let ticket = ticket.ok_or_else(|| Error::NotFound("the ticket".to_owned()))?;
        Ok(desk.texts.hand_off(&self.wait(desk, &ticket).await?))
    }

    /// Tells a customer who waits for a person, and asks for one again, the place in the queue: not more often than once
    /// in some minutes.
    pub(super) async fn tell_place(&self, desk: &str, customer: &BareJid) -> Result<(), Error> {
        let desk = self.known_desk(desk)?;
        let ticket = query::current_of(&self.store, &desk.name, customer).await?;
        let Some(ticket) = ticket.filter(|ticket| ticket.status == Status::Escalated) else { return Ok(()) };
        let line = desk.texts.hand_off(&self.wait(desk, &ticket).await?);
        self.writer.write(TellPlace { ticket: ticket.id, line }).await
    }

    async fn wait<'a>(&self, desk: &'a Desk, ticket: &ticket::Model) -> Result<Wait<'a>, Error> {
        let ahead = query::waiting_before(&self.store, ticket, self.clock.now()).await?;
        // Of a desk whose people use nothing but REST, nobody knows who is there.
        let on_duty = self.on_duty(&desk.name).await?.unwrap_or(true);
        Ok(Wait { ahead, hours: &desk.hours, now: self.clock.now(), on_duty, assistant: desk.assistant })
    }

    /// The public messages of a ticket behind `after` in their order, at most 500 of them and 200,000 characters.
    ///
    /// # Errors
    /// [`Error::NotFound`] also when it is somebody else's.
    pub async fn said_in(&self, caller: &Caller, ticket: Uuid, after: i64) -> Result<Vec<message::Model>, Error> {
        self.ticket(caller, ticket).await?;
        query::public_messages(&self.store, ticket, after).await
    }

    /// The live tickets that the caller has, at any desk, at most 100.
    ///
    /// # Errors
    /// [`Error::Forbidden`] unless the caller is of the staff, [`Error::Database`].
    pub async fn held_by(&self, caller: &Caller) -> Result<Vec<ticket::Model>, Error> {
        if !caller.is_staff() {
            return Err(Error::Forbidden("this is for the staff".to_owned()));
        }
        query::held_by(&self.store, &caller.id).await
    }

    /// What there is of a customer. For the customer itself, and for admins.
    ///
    /// # Errors
    /// [`Error::Forbidden`] for everybody else, [`Error::Invalid`] for a JID that nobody can have, [`Error::Database`].
    pub async fn footprint(&self, caller: &Caller, customer: &BareJid) -> Result<Footprint, Error> {
        require_own(caller, customer, "look customers up")?;
        check_jid(customer)?;
        Ok(footprint::footprint(self.store.read(), customer.as_str()).await?)
    }

    /// All that is known of a customer, to be handed out. That it was is noted. For the customer itself, and for admins.
    ///
    /// # Errors
    /// As [`Helpdesk::footprint`]; [`Error::WriteFailed`].
    pub async fn export(&self, caller: &Caller, customer: &BareJid) -> Result<Export, Error> {
        require_own(caller, customer, "export customers")?;
        check_jid(customer)?;
        self.note_export(caller, customer).await?;
        Ok(Export::new(self.store.clone(), customer.to_string()))
    }

    /// Erases a customer: all rows that [`Helpdesk::footprint`] counts, at all desks. The event log keeps the numbers of what
    /// was there, and an entry with a hash of the JID that says that it is gone; agents who had to do with it are told without a
    /// word of what it was. For the customer itself, and for admins.
    ///
    /// When it returns, nothing of it stands in the database's file either. Files are the caller's to remove.
    ///
    /// # Errors
    /// As [`Helpdesk::footprint`]; [`Error::WriteFailed`].
    pub async fn erase_customer(&self, caller: &Caller, customer: &BareJid) -> Result<Erased, Error> {
        require_own(caller, customer, "erase customers")?;
        check_jid(customer)?;
        let (caller, customer) = (caller.clone(), customer.clone());
        let erased = self.writer.write(EraseCustomer { caller, customer: customer.clone() }).await?;
        for desk in &erased.subscribed {
            // Nobody listens: the link is down, and with it their view of us.
            let _ = self.signals.send(super::Signal::Forgotten { desk: desk.clone(), contact: customer.clone() });
        }
        self.store.scrub().await;
        Ok(erased.what)
    }
}

fn require_own(caller: &Caller, customer: &BareJid, what: &str) -> Result<(), Error> {
    if caller.role == Role::Customer && caller.id == customer.as_str() {
        return Ok(());
    }
    caller.require_admin(what)
}
