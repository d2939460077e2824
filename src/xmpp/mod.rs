//! The XMPP side: one supervised component link (XEP-0114), and the translation between stanzas and the domain.
//!
//! `gate` stands before the parser; `stanza` turns elements into values and `outgoing` values into elements, both
//! pure. `login` makes a stream; `intake` reads it in order, `outbox` delivers what is committed, `manners` answers
//! requests (`identity` those about ourselves) and shows presence, `receipts` and `hints` say what became of lines,
//! `outlet` writes, `pace` keeps presence from standing in
//! everybody's way, `tally` counts what is not worth a line of log each. `styling` is for what models write, `talkers`
//! remembers who types, `composing` who is shown it (`agent_typing` of agents), `sightings` who is there, `rooms` keeps the rooms that tickets were taken to. A `session` is all of them on one stream; [`run`] keeps one going.

mod agent_chat;
mod agent_typing;
pub mod command;
mod composing;
mod flood;
pub mod gate;
mod hints;
mod identity;
mod intake;
mod line;
pub mod login;
mod manners;
pub mod outbox;
pub mod outgoing;
mod outlet;
mod pace;
mod receipts;
pub mod rooms;
mod session;
mod sightings;
pub mod stanza;
mod styling;
mod talkers;
mod tally;

use std::time::Duration;

use rand::RngExt;
use tokio::time;
use tokio_util::sync::CancellationToken;

use crate::{
    health::{Health, Status},
    helpdesk::Helpdesk,
    metrics,
};
use composing::Composing;
use login::{Account, Down};

/// The first and the longest pause between two tries.
const BACK_OFF: (Duration, Duration) = (Duration::from_millis(100), Duration::from_secs(30));
/// A link that stood this long was a good one: the next try comes soon.
const STABLE: Duration = Duration::from_secs(10);
/// What the server confirmed this shortly before it broke off may have died in its buffers.
const IN_DOUBT: Duration = Duration::from_secs(10);

/// Keeps the link up until `stop` is called, for ever: no error is final, since secrets, hosts and servers are mended
/// while we wait.
pub async fn run(
    helpdesk: Helpdesk,
    account: Account,
    health: Health,
    counted: metrics::Link,
    stop: CancellationToken,
) {
    let mut pause = BACK_OFF.0;
    let mut last_word = None;
    let composing = Composing::default();
    while !stop.is_cancelled() {
        let began = time::Instant::now();
        let down = session::hold(&helpdesk, &account, &health, &counted, &composing, &stop).await;
        if matches!(down, Down::Stopping) {
            break;
        }
        health.set_xmpp(Status::Unhealthy(down.word().into()));
        counted.down(down.word());
        if began.elapsed() >= STABLE {
            pause = BACK_OFF.0;
        }
        let wait = pause.mul_f64(rand::rng().random_range(0.5..1.0));
        // The same trouble again and again is one line at warn, then debug.
        if last_word.replace(down.word()) == Some(down.word()) && pause > Duration::from_secs(1) {
            tracing::debug!(reason = %down, retry_in_ms = wait.as_millis(), "no XMPP link");
        } else {
            tracing::warn!(reason = %down, retry_in_ms = wait.as_millis(), "no XMPP link");
        }
        tokio::select! {
            () = time::sleep(wait) => {}
            () = stop.cancelled() => {}
        }
        pause = (pause * 2).min(BACK_OFF.1);
    }
    health.set_xmpp(Status::Unhealthy("stopping".into()));
    tracing::info!("the XMPP link is closed");
}
