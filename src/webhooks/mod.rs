//! Tells other programs what happened, as Standard Webhooks has it (<https://www.standardwebhooks.com>).
//!
//! What is to be told are rows, written with the events (`helpdesk::deliveries`). `worker` takes what is due, `post` sends it
//! to places that may be asked, `sign` proves that it is from us, and `schedule` says when it is tried again.

mod post;
mod schedule;
mod sign;
mod worker;

use std::time::Duration;

use crate::{
    address::Policy,
    helpdesk::{Helpdesk, Occurrence},
};

pub use worker::Worker;

/// How deliveries are made.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Where they may go.
    pub policy: Policy,
    /// The time that one try may take in all.
    pub timeout: Duration,
    /// How long what has ended is kept.
    pub keep: Duration,
}

/// Makes the body of what is told. The shapes are those of REST, which makes them.
pub type Render = fn(&Helpdesk, &Occurrence) -> String;
