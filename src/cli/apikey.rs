//! `deskbridge apikey`: keys of programs, from the command line. It works on the database, whether or not a Deskbridge runs on it.
#![expect(clippy::print_stdout, clippy::print_stderr, reason = "a command's answer belongs on standard output")]

use std::time::Duration;

use anyhow::Context;
use chrono::{DateTime, SecondsFormat, Utc};
use clap::Subcommand;

use crate::{
    app,
    config::Config,
    helpdesk::{ApiKey, ApiKeys, Clock, Ended, NewApiKey, PREFIX},
};

/// What to do with keys of programs.
#[derive(Debug, Subcommand)]
pub enum ApikeyCommand {
    /// Make a key and print it; it is shown this once
    ///
    /// Only its hash is stored. Send it as `Authorization: Bearer KEY`. A running Deskbridge knows it within a second.
    Create {
        /// What people call it: the program it is for
        #[arg(long)]
        name: String,
        /// What the program may do: tickets:read, tickets:write, metrics:read or rooms:write; repeat it for several
        #[arg(long = "scope", value_name = "SCOPE", required = true)]
        scopes: Vec<String>,
        /// For how long, such as 90d [default: until it is revoked]
        #[arg(long, value_name = "TIME", value_parser = super::ttl)]
        expires: Option<Duration>,
    },
    /// List all keys, newest first: what they may do, and when they were used last (a minute late at most)
    List,
    /// End a key
    ///
    /// A running Deskbridge refuses it after five seconds at most. A key that is revoked stays so; its name is free again.
    Revoke {
        /// The key's id, as listed, or its name
        #[arg(value_name = "ID|NAME")]
        which: String,
    },
}

/// Does it.
///
/// # Errors
/// When the database is unusable, or the key cannot be made or found.
pub(super) async fn run(config: &Config, command: ApikeyCommand) -> anyhow::Result<()> {
    let store = app::connect(config).await?;
    store.migrate().await.context("the database could not be brought up to date")?;
    let done = done(&ApiKeys::new(store.clone(), Clock::default()), command).await;
    store.close().await;
    done
}

async fn done(keys: &ApiKeys, command: ApikeyCommand) -> anyhow::Result<()> {
    let now = keys.clock().now();
    match command {
        ApikeyCommand::Create { name, scopes, expires } => {
            let key = keys.create(NewApiKey { name, scopes, expires_at: expires.map(|time| now + time) }).await?;
            println!("{}", key.expose());
            eprintln!("This key is shown once: keep it where the program, and nobody else, can read it.");
        }
        ApikeyCommand::List => print!("{}", table(&keys.list().await?, now)),
        ApikeyCommand::Revoke { which } => {
            let key = keys.revoke(&which).await?;
            println!("{PREFIX}{} ({}) is revoked", key.row().id, key.row().name);
        }
    }
    Ok(())
}

fn table(keys: &[ApiKey], now: DateTime<Utc>) -> String {
    let time = |time: Option<DateTime<Utc>>, never: &str| {
        time.map_or_else(|| never.to_owned(), |time| time.to_rfc3339_opts(SecondsFormat::Secs, true))
    };
    let head = ["ID", "NAME", "SCOPES", "STATE", "CREATED", "EXPIRES", "LAST USED"].map(str::to_owned);
    let rows = keys.iter().map(|key| {
        let row = key.row();
        let state = match key.ended(now) {
            Some(Ended::Revoked) => "revoked",
            Some(Ended::Expired) => "expired",
            None => "valid",
        };
        [
            format!("{PREFIX}{}", row.id),
            row.name.clone(),
            key.scopes().join(","),
            state.to_owned(),
            time(Some(row.created_at), ""),
            time(row.expires_at, "never"),
            time(row.last_used_at, "never"),
        ]
    });
    let rows: Vec<[String; 7]> = std::iter::once(head).chain(rows).collect();
    let width = |column: usize| rows.iter().map(|row| row[column].chars().count()).max().unwrap_or_default();
    let widths: [usize; 7] = std::array::from_fn(width);
    let line = |row: &[String; 7]| {
        let cells = row.iter().zip(widths).map(|(cell, width)| format!("{cell:width$}"));
        format!("{}\n", cells.collect::<Vec<_>>().join("  ").trim_end())
    };
    rows.iter().map(line).collect()
}
