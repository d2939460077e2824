//! Real XMPP servers, each private to a test, in the foreground and killed with it.

use std::{
    net::TcpListener,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    sync::atomic::{AtomicU32, Ordering},
};

use tempfile::TempDir;
use tokio::net::TcpStream;

use super::eventually;

pub const SECRET: &str = "component secret";
/// The desks' domain in every test.
pub const DOMAIN: &str = "help.localhost";
/// A component domain that the test itself may speak for, as another server's users.
pub const ELSEWHERE: &str = "elsewhere.localhost";

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Prosody,
    Ejabberd,
}

/// A process that is killed (SIGKILL) and waited for when it is dropped.
pub struct Killed(pub Child);

impl Drop for Killed {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// A running server with the accounts alice, bob, carol and dave @localhost, password `pw`.
pub struct Server {
    kind: Kind,
    folder: TempDir,
    pub client_port: u16,
    pub component_port: u16,
    /// What the server takes for the component secret, from the next (re)start on.
    pub secret: &'static str,
    /// The components that it has, from the next (re)start on.
    pub domains: Vec<&'static str>,
    /// More lines for Prosody's rooms, from the next (re)start on.
    pub rooms: String,
    process: Option<Killed>,
}

/// A port that was free a moment ago, and that no other test is about to take: each test's process begins elsewhere, and
/// below the ports that systems give out by themselves. Two servers on one port would pass for each other.
pub fn free_port() -> u16 {
    static TAKEN: AtomicU32 = AtomicU32::new(0);
    loop {
        let place = std::process::id().wrapping_mul(32).wrapping_add(TAKEN.fetch_add(1, Ordering::Relaxed));
        let port = u16::try_from(10_000 + place % 20_000).unwrap();
        if TcpListener::bind(("127.0.0.1", port)).is_ok() {
            return port;
        }
    }
}

impl Server {
    pub async fn start(kind: Kind) -> Self {
        Self::start_with(kind, SECRET, &[DOMAIN, ELSEWHERE]).await
    }

    /// With a component secret and components of the test's choice.
    pub async fn start_with(kind: Kind, secret: &'static str, domains: &[&'static str]) -> Self {
        let mut server = Self {
            kind,
            folder: TempDir::new().unwrap(),
            client_port: free_port(),
            component_port: free_port(),
            secret,
            domains: domains.to_vec(),
            rooms: String::new(),
            process: None,
        };
        server.restart().await;
        server
    }

    pub fn component(&self) -> String {
        format!("127.0.0.1:{}", self.component_port)
    }

    /// Starts it (again) on the same data and ports, and waits until it takes connections.
    pub async fn restart(&mut self) {
        let script = match self.kind {
            Kind::Prosody => "prosody-start",
            Kind::Ejabberd => "ejabberd-start",
        };
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/servers").join(script);
        let log = std::fs::File::create(self.folder.path().join("output.log")).unwrap();
        let process = Command::new(script)
            .arg(self.data())
            .args([self.client_port.to_string(), self.component_port.to_string()])
            .arg(self.secret)
            .args(&self.domains)
            .env("PROSODY_ROOMS", &self.rooms)
            .stdin(Stdio::null())
            .stdout(log.try_clone().unwrap())
            .stderr(log)
            .spawn()
            .expect("the server's start script; `make test` installs what it needs");
        self.process = Some(Killed(process));
        for port in [self.client_port, self.component_port] {
            eventually("the XMPP server listens", || async move { TcpStream::connect(("127.0.0.1", port)).await.ok() })
                .await;
        }
        if self.kind == Kind::Ejabberd {
            // It listens before its accounts are there.
            let ready = self.data().join("ready");
            eventually("ejabberd is ready", || async { ready.exists().then_some(()) }).await;
        }
    }

    /// SIGSTOP: it takes connections and bytes as far as the system takes them for it, and does nothing.
    pub fn freeze(&self) {
        let pid = self.process.as_ref().expect("a running server").0.id().to_string();
        assert!(Command::new("kill").args(["-STOP", &pid]).status().unwrap().success());
    }

    /// SIGKILL.
    pub fn kill(&mut self) {
        drop(self.process.take().expect("a running server"));
        if self.kind == Kind::Ejabberd {
            let _ = std::fs::remove_file(self.data().join("ready"));
        }
    }

    /// What it has logged.
    pub fn log(&self) -> String {
        std::fs::read_to_string(self.data().join("prosody.log")).unwrap_or_default()
    }

    fn data(&self) -> PathBuf {
        self.folder.path().join("server")
    }
}
