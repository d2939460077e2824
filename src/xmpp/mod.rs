//! The XMPP side: from bytes to values and back.
//!
//! [`gate`] keeps off the parser what would break it, [`stanza`] turns what passed into an
//! [`stanza::Inbound`], [`outgoing`] builds and encodes what we send. All three are pure or nearly so and know
//! nothing of the helpdesk.

pub mod gate;
pub mod outgoing;
pub mod stanza;
