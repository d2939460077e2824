//! The subject's process, and what the kernel says about it (proc(5)).

use std::{
    fs,
    process::{Child, Command, Stdio},
    time::Duration,
};

use anyhow::Context;
use tokio::time::sleep;

/// A started subject; killed when dropped.
pub struct Subject(Child);

impl Subject {
    /// Starts a program with its arguments, in our environment.
    pub fn start(command: &[String]) -> anyhow::Result<Self> {
        let (program, arguments) = command.split_first().context("no subject given")?;
        let child = Command::new(program)
            .args(arguments)
            .stdin(Stdio::null())
            // Standard output is for our result.
            .stdout(std::io::stderr())
            .spawn()
            .with_context(|| format!("cannot start {program}"))?;
        Ok(Self(child))
    }

    /// Its process id.
    pub fn pid(&self) -> u32 {
        self.0.id()
    }

    /// Asks it to stop, waits for five seconds, kills it.
    pub async fn stop(mut self) -> anyhow::Result<()> {
        Command::new("kill").arg(self.pid().to_string()).status()?;
        for _ in 0..100 {
            if self.0.try_wait()?.is_some() {
                break;
            }
            sleep(Duration::from_millis(50)).await;
        }
        Ok(())
    }
}

impl Drop for Subject {
    fn drop(&mut self) {
        // Both fail only when it has ended already.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Processor seconds (user and system, all threads) that the process has used. Steps of 10 ms.
pub fn cpu_seconds(pid: u32) -> anyhow::Result<f64> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).context("the process has ended")?;
    // The name in parentheses may contain anything: count from behind it.
    let (_, fields) = stat.rsplit_once(')').context("unreadable stat")?;
    let mut fields = fields.split_whitespace().skip(11);
    let mut ticks = || -> anyhow::Result<f64> { Ok(fields.next().context("short stat")?.parse()?) };
    // USER_HZ is 100 on every Linux port that we run on.
    Ok((ticks()? + ticks()?) / 100.0)
}

/// Resident memory in MiB: now, and at its peak.
pub fn memory_mib(pid: u32) -> anyhow::Result<(f64, f64)> {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).context("the process has ended")?;
    let field = |name: &str| -> anyhow::Result<f64> {
        let line = status.lines().find(|line| line.starts_with(name)).with_context(|| format!("no {name}"))?;
        let kib: f64 = line.split_whitespace().nth(1).context("an empty field")?.parse()?;
        Ok(kib / 1024.0)
    };
    Ok((field("VmRSS:")?, field("VmHWM:")?))
}
