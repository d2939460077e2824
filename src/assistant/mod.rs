//! The assistant: from a ticket's conversation to a draft of the next answer.
//!
//! `prompt` builds the messages, `llm` asks the model, `wire` understands what comes back, `sources` and `links`
//! finish the reply; without a model `builtin` answers from the knowledge folder. All but `llm` is pure. Nothing here knows a
//! ticket row or a stanza.
//!
//! For agents, `aide` takes what they ask for and what is to be learned: `copilot` makes suggestions and summaries,
//! `learning` makes proposals and writes what was approved, `redact` and `similar` are its rules.

pub mod aide;
pub mod brain;
pub mod builtin;
mod copilot;
pub mod draft;
mod learning;
mod links;
pub mod llm;
mod page;
pub mod prompt;
mod redact;
mod similar;
mod situation;
pub mod sources;
mod wire;
pub mod worker;
