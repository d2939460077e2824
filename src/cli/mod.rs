//! The command line: what can be asked for, and how it is done.

mod apikey;
mod command;
mod customer;
mod doctor;
mod evaluate;
mod knowledge;
mod sync;

use std::{path::PathBuf, time::Duration};

use clap::{Parser, Subcommand, ValueEnum};

pub use apikey::ApikeyCommand;
pub use command::run;
pub use customer::{EraseArgs, ExportArgs};
pub use evaluate::EvalArgs;
pub use knowledge::{AudienceArg, KnowledgeCommand, SearchArgs};
pub use sync::SyncArgs;

/// Deskbridge: an AI helpdesk for XMPP.
#[derive(Debug, Parser)]
#[command(
    version,
    about = "An AI helpdesk for XMPP: chats become tickets, an assistant answers, people take over.",
    after_help = "Examples:
  deskbridge doctor                              check configuration, database, XMPP and model
  deskbridge serve                               run, with ./deskbridge.toml if it is there
  deskbridge sweep                               nudge, resolve and close what time is up for
  deskbridge sync --out changes.jsonl --state sync.json --token-file token
                                                 what has changed in the tickets since the last time
  deskbridge knowledge search 'gift card'        what the assistant finds
  deskbridge export ann@example.org --out ann.jsonl
                                                 all that is known of a customer
  deskbridge erase ann@example.org --dry-run     what an erasure would take
  deskbridge token --sub eve@example.org --role agent
                                                 a token for an agent, valid for 8 hours
  deskbridge token --sub ann@example.org --role customer --ttl 1h
  deskbridge apikey create --name cron --scope tickets:read --expires 90d
  deskbridge eval --min-decisions 0.8            how good the assistant is; exit status 1 if it is less

Every key of the configuration file can be given in the environment, where it wins:
  [xmpp] secret = …   is   DESKBRIDGE_XMPP__SECRET=…   and a list   DESKBRIDGE_HTTP__TRUSTED_PROXIES=127.0.0.1,::1
Logs: DESKBRIDGE_LOG=debug (or a filter such as deskbridge::xmpp=debug), DESKBRIDGE_LOG_FORMAT=json.

Exit status: 0 done, 1 failed, 2 the command line is wrong; `sync` has more (deskbridge sync --help)."
)]
pub struct Cli {
    /// The configuration file [default: $DESKBRIDGE_CONFIG, else ./deskbridge.toml if it is there]
    #[arg(long, global = true, value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// The commands.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Run Deskbridge: the XMPP link, the assistant and the REST API, until Ctrl-C or SIGTERM
    ///
    /// Brings the database up to date first. The XMPP server and the model may be down at the start: both are tried
    /// again and again, and GET /healthz says how they are.
    Serve,
    /// Bring the database up to date, and stop
    ///
    /// `serve` does the same at its start. A database that a newer Deskbridge has made is refused.
    Migrate,
    /// Do once what time does to tickets, and stop
    ///
    /// Nudges customers who owe an answer, resolves what stays silent, closes what is long resolved, gives tickets of
    /// agents who do not answer back to the queue, and ends snoozes. `serve` does the same by itself every minute; for
    /// cron beside it or instead. The customers' lines go out as soon as a `serve` with the XMPP link runs.
    Sweep,
    /// Fetch what has changed in the tickets into a file, and stop
    ///
    /// For cron, on this machine or another: asks a running Deskbridge over REST, goes on where the last run stopped, and
    /// adds one line of JSON for each change.
    Sync(SyncArgs),
    /// Write all that is known of a customer into a file, and stop
    ///
    /// One JSON object a line: tickets, messages with notes, attachments (their files are in attachments.folder), usage, rooms
    /// that the XMPP server told of, presence. The last line has the kind `end`. That it was done stands in the audit log.
    Export(ExportArgs),
    /// Erase all that is known of a customer, and stop
    ///
    /// Shows what there is, asks, and removes it at all desks: also beside a running `serve`. What stays is a hash of the JID
    /// in the event log, which tells readers of the log that the tickets are gone. That it was done stands in the audit log.
    Erase(EraseArgs),
    /// Read, embed, list and search the pages that desks answer from
    #[command(subcommand)]
    Knowledge(KnowledgeCommand),
    /// Print a token for the REST API
    ///
    /// Signed with auth.jwt_secret (HS256). Send it as `Authorization: Bearer TOKEN`.
    Token(TokenArgs),
    /// Make, list and revoke keys by which programs use the REST API
    #[command(subcommand)]
    Apikey(ApikeyCommand),
    /// Print the OpenAPI document of the REST API
    ///
    /// The same that a running Deskbridge serves at /openapi.json and shows at /docs.
    Openapi,
    /// Check configuration, database, XMPP handshake and model, and say what to do
    ///
    /// Exits with 1 if something is wrong.
    Doctor,
    /// Say how good the assistant is, on labelled conversations
    ///
    /// Puts each case before the real assistant (retrieval, prompt, model, guards), without XMPP and without the
    /// database, and prints what was decided, cited, grounded, how long it took and what it cost. Without a model the
    /// built-in default is evaluated. Exits with 1 when a threshold (--min-…, --max-p95) was missed, with 2 when the command
    /// line or FILE is wrong. Thresholds are for the configured model, not for those of --compare.
    Eval(Box<EvalArgs>),
}

/// For whom a token is.
#[derive(Debug, clap::Args)]
pub struct TokenArgs {
    /// Whose: a customer's bare JID, or any id of an agent, admin or program
    #[arg(long, value_name = "ID")]
    pub sub: String,
    /// What they may do
    #[arg(long)]
    pub role: RoleArg,
    /// For how long, such as 30m, 8h or 7d
    #[arg(long, default_value = "8h", value_parser = ttl)]
    pub ttl: Duration,
    /// The name that customers see under an agent's lines; without it the part of ID before an @
    #[arg(long)]
    pub name: Option<String>,
    /// Limits an agent to a desk; repeat it for several [default: all desks]
    #[arg(long = "desk", value_name = "NAME")]
    pub desks: Vec<String>,
    /// Lets a program do something: tickets:read, tickets:write, metrics:read or rooms:write; repeat it for several
    #[arg(long = "scope", value_name = "SCOPE")]
    pub scopes: Vec<String>,
}

/// Roles as the command line spells them.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub enum RoleArg {
    /// Reads and writes its own tickets
    Customer,
    /// Answers at its desks
    Agent,
    /// An agent of all desks who also manages
    Admin,
    /// A program; --scope says what it may do
    Service,
}

fn ttl(text: &str) -> Result<Duration, String> {
    let ttl = humantime::parse_duration(text).map_err(|error| error.to_string())?;
    if ttl < Duration::from_secs(1) { Err("must be at least 1s".to_owned()) } else { Ok(ttl) }
}
