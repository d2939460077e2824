//! The assistant: from a ticket's conversation to a draft of the next answer.
//!
//! `worker` takes what is due; `brain` decides how it is answered; `steps` lets a model look into the knowledge and decide,
//! `reword` finds the words to look by, and `condense` shortens what is long. `prompt` builds the messages (`fence` keeps what others
//! wrote apart); `model` asks its endpoints in order, each an `llm` behind
//! a `breaker`, `meter` notes what that costs, and `progress` tells how far it is; `wire` understands what comes back, `plain` what was said in plain words, `claims` what it states,
//! `ground` on which passages (by its `facts`), `weigh` whether that will do,
//! `sources` and `links` finish the reply, `guard` looks at it last, `outcome` makes of it what becomes of the ticket. Without a model `builtin`
//! answers from the knowledge folder. All but `worker`, `model` and `llm` is pure. Nothing here knows a stanza.
//!
//! For agents, `aide` takes what they ask for and what is to be learned: `copilot` makes suggestions and summaries,
//! `learning` makes proposals and `page` writes what was approved, `redact` and `similar` are its rules.

pub mod aide;
pub mod brain;
pub mod breaker;
pub mod builtin;
mod claims;
mod condense;
mod copilot;
pub mod draft;
pub mod facts;
mod fence;
#[cfg(test)]
mod fixture;
mod ground;
mod guard;
mod history;
pub mod language;
mod learning;
mod links;
pub mod llm;
pub mod meter;
pub mod model;
pub mod outcome;
mod page;
mod plain;
pub mod progress;
pub mod prompt;
mod redact;
mod reword;
mod similar;
mod situation;
pub mod sources;
mod steps;
mod weigh;
mod wire;
pub mod worker;

pub use wire::Form;
