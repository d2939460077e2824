//! What is said about a ticket: its beginning, its state and its end.

use deskbridge_entity::ticket::Status;

use super::{NAMELESS, Text, Texts};

impl Texts {
    /// The one question before a ticket that waits for the customer is resolved.
    #[must_use]
    pub fn nudge(&self) -> String {
        self.fill(Text::Nudge, &[])
    }

    /// The ticket was resolved because the customer did not answer.
    #[must_use]
    pub fn resolved_idle(&self) -> Option<String> {
        self.said(Text::ResolvedIdle, &[])
    }

    /// An agent resolved the ticket.
    #[must_use]
    pub fn resolved(&self) -> Option<String> {
        self.said(Text::Resolved, &[])
    }

    /// The customer resolved the ticket.
    #[must_use]
    pub fn resolved_by_you(&self) -> String {
        self.fill(Text::ResolvedByYou, &[])
    }

    /// An agent gave the ticket back to the assistant.
    #[must_use]
    pub fn released(&self) -> Option<String> {
        self.said(Text::Released, &[])
    }

    /// A new ticket begins by command: what is it about?
    #[must_use]
    pub fn new_ticket(&self) -> String {
        self.fill(Text::NewTicket, &[])
    }

    /// The same, where the one before waited for a person: its subject.
    #[must_use]
    pub fn new_instead(&self, subject: &str) -> String {
        self.fill(Text::NewInstead, &[("subject", &self.subject(subject))])
    }

    /// A new ticket begins by a command that has said what it is about, where the one before waited for a person: its subject.
    #[must_use]
    pub fn no_longer_waits(&self, subject: &str) -> String {
        self.fill(Text::NoLongerWaits, &[("subject", &self.subject(subject))])
    }

    /// A command needs a ticket, and there is none.
    #[must_use]
    pub fn no_ticket(&self) -> String {
        self.fill(Text::NoTicket, &[])
    }

    /// The customer goes on with a ticket that was resolved: what is left?
    #[must_use]
    pub fn reopened(&self, subject: &str) -> String {
        self.fill(Text::Reopened, &[("subject", &self.subject(subject))])
    }

    /// The customer wants to go on, and a ticket is open.
    #[must_use]
    pub fn reopen_runs(&self, subject: &str) -> String {
        self.fill(Text::ReopenRuns, &[("subject", &self.subject(subject))])
    }

    /// One ticket in a list.
    #[must_use]
    pub fn ticket_line(&self, date: &str, subject: &str, status: Status) -> String {
        self.fill(
            Text::TicketLine,
            &[("date", date), ("subject", &self.subject(subject)), ("status", &self.status(status))],
        )
    }

    /// How a ticket stands; `wait` is what can be told of the queue.
    #[must_use]
    pub fn standing(&self, subject: &str, status: Status, wait: &str) -> String {
        let (subject, status) = (self.subject(subject), self.status(status));
        self.fill(Text::Standing, &[("subject", &subject), ("status", &status), ("wait", wait)])
    }

    /// What a ticket is called: one that was begun by a command has no words of its own yet.
    fn subject(&self, subject: &str) -> String {
        if subject == NAMELESS { self.fill(Text::NoSubject, &[]) } else { subject.to_owned() }
    }

    /// A status in words.
    #[must_use]
    pub fn status(&self, status: Status) -> String {
        let text = match status {
            Status::Open => Text::IsOpen,
            Status::Pending => Text::IsPending,
            Status::Escalated => Text::IsEscalated,
            Status::Resolved => Text::IsResolved,
            Status::Closed => Text::IsClosed,
        };
        self.fill(text, &[])
    }
}
