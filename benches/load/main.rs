//! The load generator of `make bench`, and the echo that shows the ceiling.
//!
//! `load run` plays the customers and the model around one *subject*, a component that answers chats: it starts the
//! subject, lets many customers ask, counts receipts and answers, and prints what it measured as one line of JSON.
//! The customers speak through a real server (`--server`), as a component of it, or to the subject directly
//! (`--listen`): then this process *is* the server, and nothing but the subject limits the rate.
//!
//! `scripts/bench` runs it for each subject in turn and makes the table.
//!
//! - [`wire`] XEP-0114 streams and the cutting of stanzas; [`chats`] the customers and their book-keeping
//! - [`run`] the measurement; [`model`] the scripted model; [`process`] what the kernel says about the subject
//! - [`knowledge`] a large knowledge folder, which needs no subject
//! - [`echo`] the ceiling: a component that answers without storing anything or asking a model

mod chats;
mod echo;
mod knowledge;
mod model;
mod process;
mod run;
mod wire;

use clap::Parser;

/// Loads a component with chats and measures it.
#[derive(Parser)]
enum Command {
    /// Start a component, load it, print the measurements as a line of JSON.
    Run(run::Options),
    /// Be the component that answers at once.
    Echo(echo::Options),
    /// Index and search a large knowledge folder, print the measurements as a line of JSON.
    Knowledge(knowledge::Options),
}

fn main() -> anyhow::Result<()> {
    // One thread: the machine's other cores belong to the subject and the server.
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    match Command::parse() {
        Command::Run(options) => runtime.block_on(run::run(options)),
        Command::Echo(options) => runtime.block_on(echo::echo(options)),
        Command::Knowledge(options) => runtime.block_on(knowledge::knowledge(options)),
    }
}
