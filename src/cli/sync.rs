//! `deskbridge sync`: what has changed in the tickets, into a file, for cron.
#![expect(clippy::print_stdout, clippy::print_stderr, reason = "a command's answer belongs on standard output")]

mod failure;
mod journal;
mod remote;

use std::{fs, net::IpAddr, path::PathBuf, process::ExitCode};

use crate::{
    api::LARGEST_PAGE,
    config::{self, Config},
};
use failure::Failure;
use journal::Journal;
use remote::Remote;

/// From where and into which file.
#[derive(Debug, clap::Args)]
#[command(
    // Without it what was given beside, as --config, would look as if it was needed.
    override_usage = "deskbridge sync [OPTIONS] --out <FILE> --state <FILE>",
    after_help = "Each line of --out is one change as GET /api/v1/xmpp/sync gives it. Lines are only ever added. What a run \
that was killed has left behind is cut off by the next one, so nothing is missing and nothing comes twice.

To take the file away, move it while nothing runs; the next run begins a new one:
  deskbridge sync --out new.jsonl --state sync.json --token-file token &&
    flock sync.json.lock mv new.jsonl taken.jsonl

Exit status:
  0  done: the file is up to date
  1  failed, as when a file cannot be written; the message says what to do
  2  the command line is wrong
  3  another run is at it
  4  the server does not answer or is busy: the next run goes on
  5  the token is missing, expired or not allowed to read
  6  the server's log is another one than the file is made of: begin anew
  7  the token is another caller's than the file is made of, or that caller's role or desks have changed: take a
     token of the same caller, or name another --out and another --state"
)]
pub struct SyncArgs {
    /// Where the changes go, one JSON object a line
    #[arg(long, value_name = "FILE")]
    pub out: PathBuf,
    /// Where it is noted how far they have come, and of which caller; one for each file; FILE.lock lies beside it
    #[arg(long, value_name = "FILE")]
    pub state: PathBuf,
    /// Where Deskbridge is [default: where http.listen says, on this machine]
    #[arg(long, value_name = "URL")]
    pub url: Option<String>,
    /// The file with the token for the REST API [default: the environment's DESKBRIDGE_TOKEN]
    #[arg(long, value_name = "FILE")]
    pub token_file: Option<PathBuf>,
    /// Changes in one request
    #[arg(long, default_value_t = LARGEST_PAGE, value_parser = clap::value_parser!(u16).range(1..=i64::from(LARGEST_PAGE)))]
    pub limit: u16,
    /// Say how many changes there were; else nothing is said unless something is wrong
    #[arg(long)]
    pub verbose: bool,
}

/// Fetches all there is, says what went wrong, and gives the exit status.
pub(super) async fn run(config: &Config, args: SyncArgs) -> ExitCode {
    match fetch(config, &args).await {
        Ok(changes) => {
            if args.verbose {
                println!("{changes} changes");
            }
            ExitCode::SUCCESS
        }
        Err(failure) => {
            eprintln!("deskbridge: {failure}");
            failure.exit_code()
        }
    }
}

async fn fetch(config: &Config, args: &SyncArgs) -> Result<usize, Failure> {
    let remote = Remote::new(&address(config, args), &token(args)?, args.limit)?;
    let mut journal = Journal::open(&args.out, &args.state)?;
    let mut changes = 0;
    loop {
        let page = remote.page(journal.cursor()).await?;
        if page.has_more && Some(page.next_cursor.as_str()) == journal.cursor() {
            return Err(Failure::Other(anyhow::anyhow!("the server does not get on: it gave the same cursor again")));
        }
        journal.is_for(&page.reader)?;
        journal.append(&page.lines()?, page.next_cursor)?;
        changes += page.changes.len();
        if !page.has_more {
            return Ok(changes);
        }
    }
}

/// Who listens everywhere can be asked here.
fn address(config: &Config, args: &SyncArgs) -> String {
    args.url.clone().unwrap_or_else(|| {
        let mut listen = config.http.listen;
        if listen.ip().is_unspecified() {
            let here =
                if listen.is_ipv4() { IpAddr::from([127, 0, 0, 1]) } else { std::net::Ipv6Addr::LOCALHOST.into() };
            listen.set_ip(here);
        }
        format!("http://{listen}")
    })
}

fn token(args: &SyncArgs) -> Result<String, Failure> {
    let token = match &args.token_file {
        Some(path) => fs::read_to_string(path)
            .map_err(|error| Failure::Token(format!("cannot read the token in {}: {error}", path.display())))?,
        None => config::token().map(|token| token.expose().to_owned()).unwrap_or_default(),
    };
    match token.trim() {
        "" => Err(Failure::Token("there is no token: name a file by --token-file, or set DESKBRIDGE_TOKEN".to_owned())),
        token => Ok(token.to_owned()),
    }
}
