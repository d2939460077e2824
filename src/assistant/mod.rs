//! The assistant: from a ticket's conversation to a draft of the next answer.
//!
//! Without a model `builtin` answers from the knowledge folder, and `sources` finishes the reply. All of it is pure; nothing
//! here knows a ticket row or a stanza.

pub mod builtin;
pub mod draft;
pub mod phrases;
pub mod sources;
