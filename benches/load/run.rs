//! One measurement of one subject.

use std::{
    rc::Rc,
    time::{Duration, Instant},
};

use anyhow::{Context, bail};
use bytes::{BufMut, BytesMut};
use serde_json::json;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpListener,
    task::LocalSet,
    time::{Instant as Tick, sleep_until},
};

use crate::{
    chats::{Chats, Sample},
    model::{self, Tally},
    process::{self, Subject},
    wire::{self, Stream},
};

/// What to run, against what, how hard.
#[derive(clap::Args)]
pub struct Options {
    /// Component port of a server, through which the customers speak.
    #[arg(long, required_unless_present = "listen")]
    server: Option<String>,
    /// Be the server: the address at which the subject connects.
    #[arg(long, conflicts_with = "server")]
    listen: Option<String>,
    /// The secret of both components.
    #[arg(long)]
    secret: String,
    /// The customers' domain, a component of the server.
    #[arg(long, default_value = "load.localhost")]
    domain: String,
    /// The subject's domain.
    #[arg(long, default_value = "help.localhost")]
    subject: String,
    /// The desk that the customers write to, at the subject's domain.
    #[arg(long, default_value = "support")]
    desk: String,
    /// Where the scripted model listens.
    #[arg(long)]
    model: String,
    /// The server's process, to measure it too.
    #[arg(long)]
    server_pid: Option<u32>,
    /// Chats per second in the phase of constant rate.
    #[arg(long, default_value_t = 100)]
    rate: u32,
    /// Length of the phase of constant rate; 0 leaves it out.
    #[arg(long, default_value_t = 5.0)]
    rate_seconds: f64,
    /// Chats in flight in the phase of full load.
    #[arg(long, default_value_t = 256)]
    window: usize,
    /// Unmeasured start of the full load.
    #[arg(long, default_value_t = 2.0)]
    warmup_seconds: f64,
    /// Length of the measured full load.
    #[arg(long, default_value_t = 6.0)]
    seconds: f64,
    /// The subject: a program and its arguments; the environment is passed on.
    #[arg(last = true, required = true)]
    command: Vec<String>,
}

/// When customers ask.
#[derive(Clone, Copy)]
enum Pace {
    /// So many chats in flight, a new one for each that is done.
    Window(usize),
    /// So many per second from the given time on, whatever becomes of them.
    Rate(u32, Instant),
    /// Nobody asks; ends early when no chat is in flight.
    Drain,
    /// Nobody asks.
    Quiet,
}

/// Runs one measurement and prints it.
#[expect(clippy::print_stdout, reason = "the line is the program's result")]
pub async fn run(options: Options) -> anyhow::Result<()> {
    let local = LocalSet::new();
    let tally = Rc::new(Tally::default());
    let listener = TcpListener::bind(&options.model).await.context("the model's address")?;
    local.spawn_local(model::serve(listener, Rc::clone(&tally)));
    let result = local.run_until(measure(&options, &tally)).await?;
    println!("{result}");
    Ok(())
}

async fn measure(options: &Options, tally: &Tally) -> anyhow::Result<serde_json::Value> {
    let started = Instant::now();
    let (subject, stream) = match (&options.server, &options.listen) {
        (Some(server), _) => {
            let stream = Stream::connect(server, &options.domain, &options.secret).await?;
            (Subject::start(&options.command)?, stream)
        }
        (None, Some(listen)) => {
            let listener = TcpListener::bind(listen).await?;
            let subject = Subject::start(&options.command)?;
            (subject, Stream::accept(&listener, &options.secret).await?)
        }
        (None, None) => bail!("neither --server nor --listen"),
    };
    let pid = subject.pid();
    let mut load = Load {
        chats: Chats::new(&options.domain, format!("{}@{}", options.desk, options.subject)),
        stream,
        out: BytesMut::with_capacity(256 << 10),
        subject: options.subject.clone(),
        is_server: options.listen.is_some(),
        ready: false,
    };
    load.await_ready(&options.domain).await?;
    let ready = started.elapsed();

    load.drive(Pace::Quiet, Duration::from_secs(1)).await?;
    let (idle, _) = process::memory_mib(pid)?;

    let calm = if options.rate_seconds > 0.0 {
        let length = Duration::from_secs_f64(options.rate_seconds);
        load.drive(Pace::Rate(options.rate, Instant::now()), length).await?;
        load.drive(Pace::Drain, Duration::from_secs(10)).await?;
        load.chats.take_sample()
    } else {
        Sample::default()
    };

    let window = Pace::Window(options.window);
    load.drive(window, Duration::from_secs_f64(options.warmup_seconds)).await?;
    load.chats.take_sample();
    let pids = [Some(pid), options.server_pid, Some(std::process::id())];
    let before = cpu_seconds(pids)?;
    let start = Instant::now();
    load.drive(window, Duration::from_secs_f64(options.seconds)).await?;
    let seconds = start.elapsed().as_secs_f64();
    let after = cpu_seconds(pids)?;
    let busy = load.chats.take_sample();
    // What comes late counts as answered; what comes twice has time to show.
    load.drive(Pace::Drain, Duration::from_secs(15)).await?;
    load.drive(Pace::Quiet, Duration::from_millis(500)).await?;
    let (_, peak) = process::memory_mib(pid)?;
    subject.stop().await?;

    let per_thousand = |index: usize| (after[index] - before[index]) * 1000.0 / busy.done.max(1) as f64;
    Ok(json!({
        "ready_seconds": ready.as_secs_f64(),
        "idle_mib": idle,
        "peak_mib": peak,
        "calm": latencies(&calm),
        "chats_per_second": busy.done as f64 / seconds,
        "busy": latencies(&busy),
        "cpu_per_1000": per_thousand(0),
        "cpu_share": (after[0] - before[0]) / seconds,
        "server_cpu_per_1000": per_thousand(1),
        "server_cpu_share": (after[1] - before[1]) / seconds,
        "load_cpu_share": (after[2] - before[2]) / seconds,
        "chats": load.chats.asked(),
        "composing": load.chats.composing(),
        "model_answers": tally.answered.get(),
        "model_fault": tally.fault.take(),
        "faults": load.chats.faults(),
    }))
}

fn cpu_seconds(pids: [Option<u32>; 3]) -> anyhow::Result<[f64; 3]> {
    let mut seconds = [0.0; 3];
    for (seconds, pid) in seconds.iter_mut().zip(pids) {
        *seconds = pid.map_or(Ok(0.0), process::cpu_seconds)?;
    }
    Ok(seconds)
}

fn latencies(sample: &Sample) -> serde_json::Value {
    let milliseconds = |durations: &[Duration], share: f64| {
        let mut sorted = durations.to_vec();
        sorted.sort_unstable();
        // Nearest rank: the smallest value that `share` of all do not exceed.
        let rank = (sorted.len() as f64 * share).ceil() as usize;
        sorted.get(rank.saturating_sub(1)).map(|duration| duration.as_secs_f64() * 1000.0)
    };
    json!({
        "done": sample.done,
        "p50_ms": milliseconds(&sample.answers, 0.5),
        "p99_ms": milliseconds(&sample.answers, 0.99),
        "receipt_p50_ms": milliseconds(&sample.receipts, 0.5),
        "receipt_p99_ms": milliseconds(&sample.receipts, 0.99),
    })
}

/// The customers on their stream.
struct Load {
    chats: Chats,
    stream: Stream,
    out: BytesMut,
    subject: String,
    is_server: bool,
    ready: bool,
}

impl Load {
    /// Pings the subject until it answers.
    async fn await_ready(&mut self, domain: &str) -> anyhow::Result<()> {
        for _ in 0..300 {
            self.out.put_slice(
                format!(
                    "<iq type='get' id='ready' from='bench@{domain}/r' to='{}'><ping xmlns='urn:xmpp:ping'/></iq>",
                    self.subject
                )
                .as_bytes(),
            );
            self.drive(Pace::Quiet, Duration::from_millis(100)).await?;
            if self.ready {
                return Ok(());
            }
        }
        bail!("the subject does not answer pings")
    }

    /// Lets the customers ask at this pace, and reads what comes, for so long.
    async fn drive(&mut self, pace: Pace, length: Duration) -> anyhow::Result<()> {
        let end = Instant::now() + length;
        let mut asked = 0;
        loop {
            let now = Instant::now();
            if now >= end || matches!(pace, Pace::Drain if self.chats.in_flight() == 0) {
                return Ok(());
            }
            let wake = match pace {
                Pace::Window(window) => {
                    while self.chats.in_flight() < window {
                        self.chats.ask(now, &mut self.out);
                    }
                    end
                }
                Pace::Rate(rate, start) => {
                    let mut due = start + Duration::from_secs(1) * asked / rate;
                    while due <= now {
                        self.chats.ask(due, &mut self.out);
                        asked += 1;
                        due = start + Duration::from_secs(1) * asked / rate;
                    }
                    due.min(end)
                }
                Pace::Drain | Pace::Quiet => end,
            };
            let (mut reader, mut writer) = self.stream.tcp.split();
            tokio::select! {
                read = reader.read_buf(&mut self.stream.unread) => {
                    if read.context("reading from the stream")? == 0 {
                        bail!("the stream was closed: {}", String::from_utf8_lossy(&self.stream.unread));
                    }
                    let now = Instant::now();
                    while let Some(stanza) = wire::next_stanza(&mut self.stream.unread) {
                        self.receive(&stanza, now)?;
                    }
                }
                written = writer.write_buf(&mut self.out), if !self.out.is_empty() => {
                    written.context("writing to the stream")?;
                }
                () = sleep_until(Tick::from_std(wake)) => {}
            }
        }
    }

    fn receive(&mut self, stanza: &[u8], now: Instant) -> anyhow::Result<()> {
        if wire::is(stanza, "stream:error") || stanza.starts_with(b"</") {
            bail!("the stream ends: {}", String::from_utf8_lossy(stanza));
        }
        let to = wire::attribute(stanza, "to").unwrap_or_default();
        // A server hands a component what it sends to itself.
        if self.is_server && to.ends_with(self.subject.as_bytes()) {
            self.out.put_slice(stanza);
        } else if wire::is(stanza, "iq") {
            self.receive_iq(stanza);
        } else {
            self.chats.note(stanza, now);
        }
        Ok(())
    }

    /// Requests get an empty result: the subject's pings to the server are its fence, those to customers are courtesy.
    fn receive_iq(&mut self, stanza: &[u8]) {
        let attribute = |name| wire::attribute(stanza, name).map(String::from_utf8_lossy);
        match attribute("type").as_deref() {
            Some("get" | "set") => {
                let [id, from, to] = ["id", "from", "to"].map(|name| attribute(name).unwrap_or_default());
                let from = if to.is_empty() { "localhost".into() } else { to.clone() }.into_owned() + "' to='" + &from;
                self.out.put_slice(format!("<iq type='result' id='{id}' from='{from}'/>").as_bytes());
            }
            Some("result") if attribute("id").as_deref() == Some("ready") => self.ready = true,
            _ => {}
        }
    }
}
