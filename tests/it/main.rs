//! Integration: the real application, real XMPP servers, real databases, and a model that does what it is told.
//!
//! Each scenario is a file. `support` holds the stage: servers, clients, models, the application and the real binary.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on should stop where it stands")]

mod support;

mod afterthought;
mod agents;
mod apikey;
mod attachments;
mod cli;
mod commands;
mod conversation;
mod copilot;
mod crash;
mod delivery;
mod drafts;
mod ejabberd;
mod endpoints;
mod erase;
mod evaluation;
mod events;
mod failure;
mod feed;
mod floods;
mod grounding;
mod handling;
mod idempotency;
mod identity;
mod ignored;
mod injection;
mod knowledge;
mod learning;
mod lifecycle;
mod link;
mod manners;
mod metrics;
mod model;
mod openapi;
mod poison;
mod presence;
mod provider;
mod race;
mod receipts;
mod refusals;
mod repeats;
mod rest;
mod rooms;
mod slixmpp;
mod small_words;
mod sync;
mod sync_cron;
mod sync_few;
#[cfg(feature = "otel")]
mod traces;
mod turns;
mod typing;
mod usage;
mod webhooks;
mod words;
