//! `deskbridge erase` and `deskbridge export`: what is known of a customer, on the database itself.
#![expect(clippy::print_stdout, reason = "a command's answer belongs on standard output")]

use std::{
    fs::OpenOptions,
    io::{IsTerminal, Write},
    path::PathBuf,
};

use anyhow::Context;
use futures::StreamExt;
use jid::BareJid;

use crate::{
    api, app,
    config::Config,
    helpdesk::{Caller, Footprint, Helpdesk, Way},
};

/// Whom to erase.
#[derive(Debug, clap::Args)]
pub struct EraseArgs {
    /// The customer's bare JID, such as ann@example.org
    #[arg(value_name = "JID", value_parser = bare_jid)]
    pub jid: BareJid,
    /// Only say what would be erased
    #[arg(long)]
    pub dry_run: bool,
    /// Do not ask; needed where nobody can answer, as in scripts
    #[arg(long)]
    pub yes: bool,
}

/// Whom to export, and where to.
#[derive(Debug, clap::Args)]
pub struct ExportArgs {
    /// The customer's bare JID, such as ann@example.org
    #[arg(value_name = "JID", value_parser = bare_jid)]
    pub jid: BareJid,
    /// A new file, which only its owner can read; `-` is standard output
    #[arg(long, value_name = "FILE")]
    pub out: PathBuf,
}

fn bare_jid(text: &str) -> Result<BareJid, String> {
    BareJid::new(text).map_err(|error| format!("not a bare JID: {error}"))
}

/// Erases a customer, after a look at what there is.
///
/// # Errors
/// When nobody confirms it, or the database or a file is in the way.
pub async fn erase(config: &Config, args: EraseArgs) -> anyhow::Result<()> {
    let domain = app::Domain::open(config).await?;
    let done = Way::CommandLine.of(erase_in(&domain.helpdesk, config, &args)).await;
    domain.close().await?;
    done
}

async fn erase_in(helpdesk: &Helpdesk, config: &Config, args: &EraseArgs) -> anyhow::Result<()> {
    let caller = Caller::operator();
    let footprint = helpdesk.footprint(&caller, &args.jid).await?;
    print!("{}", table(&footprint));
    if args.dry_run {
        println!("nothing was erased (--dry-run)");
        return Ok(());
    }
    if !args.yes {
        confirm(&args.jid)?;
    }
    let erased = helpdesk.erase_customer(&caller, &args.jid).await?;
    let files = erased.attachments.len();
    if files > 0 {
        app::remove_files(config, &erased.attachments).await?;
    }
    println!("erased: {} ticket(s), {files} attachment(s), {} row(s) in all", erased.tickets, sum(&erased.footprint));
    Ok(())
}

fn sum(footprint: &Footprint) -> u64 {
    footprint.rows.iter().map(|(_, count)| count).sum()
}

fn table(footprint: &Footprint) -> String {
    let mut lines = String::new();
    for part in &footprint.desks {
        lines += &format!(
            "{}: {} ticket(s), from {} to {}\n",
            part.desk,
            part.tickets,
            part.first_at.format("%Y-%m-%d"),
            part.last_at.format("%Y-%m-%d")
        );
    }
    for (name, count) in footprint.rows.iter().filter(|(_, count)| *count > 0) {
        lines += &format!("{name:<16} {count}\n");
    }
    if lines.is_empty() { "nothing is known of this JID\n".to_owned() } else { lines }
}

fn confirm(jid: &BareJid) -> anyhow::Result<()> {
    anyhow::ensure!(
        std::io::stdin().is_terminal(),
        "nobody can be asked whether to erase this: add --yes, or --dry-run to look only"
    );
    print!("This cannot be undone. Type the JID again to erase all of it: ");
    std::io::stdout().flush()?;
    let mut answer = String::new();
    std::io::stdin().read_line(&mut answer)?;
    anyhow::ensure!(answer.trim() == jid.as_str(), "that is another JID: nothing was erased");
    Ok(())
}

/// Writes all that is known of a customer, as lines of JSON.
///
/// # Errors
/// When the file is there already or cannot be written, or the database is in the way.
pub async fn export(config: &Config, args: ExportArgs) -> anyhow::Result<()> {
    let mut out: Box<dyn Write + Send> = if args.out.as_os_str() == "-" {
        Box::new(std::io::stdout())
    } else {
        let mut options = OpenOptions::new();
        options.write(true).create_new(true);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        Box::new(options.open(&args.out).with_context(|| format!("cannot make the file {}", args.out.display()))?)
    };
    let domain = app::Domain::open(config).await?;
    let written = Way::CommandLine.of(write_to(&domain.helpdesk, &args.jid, &mut out)).await;
    domain.close().await?;
    written
}

async fn write_to(helpdesk: &Helpdesk, jid: &BareJid, out: &mut (dyn Write + Send)) -> anyhow::Result<()> {
    let lines = api::exported(helpdesk, &Caller::operator(), jid).await?;
    let mut lines = std::pin::pin!(lines);
    while let Some(part) = lines.next().await {
        out.write_all(&part?)?;
    }
    out.flush()?;
    Ok(())
}
