//! Deskbridge: an AI helpdesk for XMPP. Chats become tickets, an assistant answers, people take over.
//!
//! `xmpp → helpdesk ← api; assistant → helpdesk ← webhooks`
//!
//! - [`helpdesk`][]: the domain; the only writer of tickets
//! - [`xmpp`][]: the component link (XEP-0114); stanzas in and out
//! - [`assistant`][]: answers what is due, by a model or by quoting
//! - [`knowledge`][]: finds the passage that answers a question
//! - [`api`][]: REST
//! - [`attachments`][]: fetches the files that customers send
//! - [`webhooks`][]: tells other programs what happened
//! - [`address`][] and [`apart`][]: which places these two may ask, and on which thread
//! - [`evaluation`][]: how good the assistant is, on labelled conversations
//! - [`health`][] and [`metrics`][]: how the parts are, and what they count
//! - [`traces`][]: what requests, answers and model calls take, for OpenTelemetry
//! - [`config`], [`cli`] and [`logging`] are around the process
//! - [`app`][]: wires it all

pub mod address;
pub mod apart;
pub mod api;
pub mod app;
pub mod assistant;
pub mod attachments;
pub mod cli;
pub mod config;
pub mod evaluation;
pub mod health;
pub mod helpdesk;
pub mod knowledge;
pub mod logging;
pub mod metrics;
pub mod traces;
pub mod webhooks;
pub mod xmpp;
