//! How values are spelled on the wire.

use chrono::{DateTime, SecondsFormat, SubsecRound, Utc};
use deskbridge_entity::{
    message::{Author, Visibility},
    ticket::{Handler, Priority, Status},
};
use serde::{Serialize, Serializer};
use utoipa::{
    PartialSchema, ToSchema,
    openapi::{KnownFormat, ObjectBuilder, RefOr, Schema, SchemaFormat, Type, schema::AdditionalProperties},
};

use super::ApiError;
use crate::helpdesk::{Teller, happening};

/// A moment as RFC 3339 in UTC with `Z`, always with six decimals: what is stored.
#[derive(Clone, Copy, Debug)]
pub(super) struct Timestamp(pub DateTime<Utc>);

impl Serialize for Timestamp {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0.to_rfc3339_opts(SecondsFormat::Micros, true))
    }
}

impl PartialSchema for Timestamp {
    fn schema() -> RefOr<Schema> {
        let moment = ObjectBuilder::new().schema_type(Type::String);
        moment.format(Some(SchemaFormat::KnownFormat(KnownFormat::DateTime))).into()
    }
}

impl ToSchema for Timestamp {}

/// An object of what an event notes, or the like: names and values of several kinds.
pub(super) enum Values {}

impl PartialSchema for Values {
    fn schema() -> RefOr<Schema> {
        let any = AdditionalProperties::<Schema>::FreeForm(true);
        ObjectBuilder::new().additional_properties(Some(any)).into()
    }
}

impl ToSchema for Values {}

/// Declares what stands for words of ours in the OpenAPI document, of the same functions that spell them.
macro_rules! words {
    ($($(#[$doc:meta])* $name:ident = $words:expr;)*) => {$(
        $(#[$doc])*
        pub(super) enum $name {}

        impl PartialSchema for $name {
            fn schema() -> RefOr<Schema> {
                ObjectBuilder::new().schema_type(Type::String).enum_values(Some($words)).into()
            }
        }

        impl ToSchema for $name {}
    )*};
}

words! {
    /// A ticket's status.
    StatusWord = STATUSES.map(status);
    /// A ticket's priority.
    PriorityWord = PRIORITIES.map(priority);
    /// Who may speak to the customer.
    HandlerWord = [Handler::Assistant, Handler::Agent, Handler::None].map(handler);
    /// Who said something.
    AuthorWord = [Author::Customer, Author::Assistant, Author::Agent, Author::System].map(author);
    /// Who types.
    TypistWord = [Author::Customer, Author::Assistant, Author::Agent].map(author);
    /// Whether somebody is there.
    AvailabilityWord = [true, false].map(availability);
    /// Who says who is there.
    TellerWord = [Teller::Rest, Teller::Xmpp, Teller::Duty].map(Teller::word);
    /// What changes of the event log are called.
    ChangeWord = happening::LOGGED;
    /// What webhooks are told.
    EventWord = happening::KINDS.into_iter().chain([happening::PING]);
    /// Who is shown a message.
    VisibilityWord = [Visibility::Public, Visibility::Internal].map(visibility);
}

/// Reads a moment with its zone, cut to what is stored.
pub(super) fn moment(field: &str, text: &str) -> Result<DateTime<Utc>, ApiError> {
    let moment = DateTime::parse_from_rfc3339(text.trim())
        .map_err(|_| ApiError::invalid(field, "must be a moment as in RFC 3339, such as 2030-01-31T09:00:00Z"))?;
    Ok(moment.to_utc().trunc_subsecs(6))
}

const STATUSES: [Status; 5] = [Status::Open, Status::Pending, Status::Escalated, Status::Resolved, Status::Closed];

pub(super) fn status(status: Status) -> &'static str {
    match status {
        Status::Open => "OPEN",
        Status::Pending => "PENDING",
        Status::Escalated => "ESCALATED",
        Status::Resolved => "RESOLVED",
        Status::Closed => "CLOSED",
    }
}

/// Reads what [`status`] writes.
pub(super) fn read_status(word: &str) -> Option<Status> {
    STATUSES.into_iter().find(|known| status(*known) == word)
}

const PRIORITIES: [Priority; 4] = [Priority::Low, Priority::Normal, Priority::High, Priority::Urgent];

/// Reads what [`priority`] writes.
pub(super) fn read_priority(word: &str) -> Option<Priority> {
    PRIORITIES.into_iter().find(|known| priority(*known) == word)
}

pub(super) fn priority(priority: Priority) -> &'static str {
    match priority {
        Priority::Low => "LOW",
        Priority::Normal => "NORMAL",
        Priority::High => "HIGH",
        Priority::Urgent => "URGENT",
    }
}

pub(super) fn handler(handler: Handler) -> &'static str {
    match handler {
        Handler::Assistant => "assistant",
        Handler::Agent => "agent",
        Handler::None => "none",
    }
}

pub(super) fn author(author: Author) -> &'static str {
    match author {
        Author::Customer => "customer",
        Author::Assistant => "assistant",
        Author::Agent => "agent",
        Author::System => "system",
    }
}

pub(super) fn availability(available: bool) -> &'static str {
    if available { "available" } else { "unavailable" }
}

pub(super) fn visibility(visibility: Visibility) -> &'static str {
    match visibility {
        Visibility::Public => "public",
        Visibility::Internal => "internal",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_end_in_z_and_have_microseconds() {
        let spell = |micros| serde_json::to_value(Timestamp(DateTime::from_timestamp_micros(micros).unwrap())).unwrap();
        assert_eq!(spell(1_705_312_800_000_000), "2024-01-15T10:00:00.000000Z");
        assert_eq!(spell(1_705_312_800_000_001), "2024-01-15T10:00:00.000001Z");
        assert_eq!(spell(1_705_312_800_250_000), "2024-01-15T10:00:00.250000Z");
    }

    #[test]
    fn every_status_and_priority_is_read_as_it_is_written_and_in_no_other_spelling() {
        for known in PRIORITIES {
            assert_eq!(read_priority(priority(known)), Some(known));
        }
        assert_eq!(read_priority("urgent"), None);
        for known in STATUSES {
            assert_eq!(read_status(status(known)), Some(known));
        }
        assert_eq!(read_status("open"), None);
    }
}
