//! The assistant: from a ticket's conversation to a draft of the next answer.
//!
//! `prompt` builds the messages (`fence` keeps what others wrote apart), `llm` asks the model, `wire` understands what comes back, `sources` and `links`
//! finish the reply, `guard` looks at it last; without a model `builtin` answers from the knowledge folder. All but `llm` is pure. Nothing here knows a
//! ticket row or a stanza.

pub mod brain;
pub mod builtin;
pub mod draft;
mod fence;
mod guard;
mod links;
pub mod llm;
pub mod prompt;
pub mod sources;
mod wire;
pub mod worker;
