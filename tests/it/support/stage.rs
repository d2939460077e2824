//! Deskbridge itself: in this process, or as the real binary.

use std::{
    path::PathBuf,
    process::{Command, Stdio},
    time::Duration,
};

use deskbridge::{
    api::{Claims, Tokens},
    app::App,
    config::Config,
    helpdesk::{Clock, Role},
};
use serde_json::Value;
use tokio::{sync::oneshot, task::JoinHandle};

use super::{
    database::Database,
    eventually,
    model::Model,
    server::{DOMAIN, Killed, SECRET, Server, free_port},
};

pub const JWT_SECRET: &str = "a secret for tests, longer than 32 bytes";
pub const DESK: &str = "support@help.localhost";

/// What differs from test to test in the configuration.
pub struct Setting<'a> {
    pub server: &'a Server,
    pub database: &'a Database,
    pub model: Option<&'a Model>,
    /// `assistant.quiet_window`.
    pub quiet_window: &'a str,
    /// `assistant.timeout`.
    pub timeout: &'a str,
    /// `limits.enabled`.
    pub limits: bool,
    /// Lines of TOML for `[limits]`: tests look at REST more often than programs do.
    pub rates: &'a str,
    /// The port of `metrics.listen`.
    pub metrics: Option<u16>,
    /// A folder of pages for the desk.
    pub knowledge: Option<PathBuf>,
    /// Where it listens in this process; 0 is the system's choice.
    pub http: u16,
    /// `xmpp.rooms`.
    pub rooms: Option<&'a str>,
    /// More lines of TOML for `[assistant]`.
    pub assistant: String,
    /// More lines of TOML for the desk `support`.
    pub desk: String,
    /// More lines of TOML for `[attachments]`, whose folder is beside the database.
    pub attachments: String,
    /// Lines of TOML for `[webhooks]`.
    pub webhooks: &'a str,
    /// The real binary's environment, beside what it inherits.
    pub env: Vec<(&'a str, String)>,
}

impl<'a> Setting<'a> {
    /// Answers come quickly and by `model`, or by the built-in default on the sample pages.
    pub fn new(server: &'a Server, database: &'a Database, model: Option<&'a Model>) -> Self {
        let knowledge = model.is_none().then(|| concat!(env!("CARGO_MANIFEST_DIR"), "/knowledge/support").into());
        Self {
            server,
            database,
            model,
            quiet_window: "100ms",
            timeout: "10s",
            limits: true,
            rates: "anonymous.per_second = 0\ncustomer.per_second = 0\nagent.per_second = 0\nadmin.per_second = 0\nservice.per_second = 0\n",
            metrics: None,
            knowledge,
            http: 0,
            rooms: None,
            assistant: String::new(),
            desk: String::new(),
            attachments: String::new(),
            webhooks: "",
            env: Vec::new(),
        }
    }

    /// Writes the configuration file as an operator would; two desks, `support` and `billing`.
    pub fn write(&self, http: u16) -> PathBuf {
        let mut text = format!(
            "[xmpp]\ndomain = \"{DOMAIN}\"\nserver = \"{}\"\nsecret = \"{SECRET}\"\nrooms = \"{}\"\n\
             [database]\nurl = \"{}\"\n[http]\nlisten = \"127.0.0.1:{http}\"\n[auth]\njwt_secret = \"{JWT_SECRET}\"\n\
             [limits]\nenabled = {}\n{}\
             [assistant]\nquiet_window = \"{}\"\ntimeout = \"{}\"\nconcurrency = 16\n",
            self.server.component(),
            self.rooms.unwrap_or_default(),
            self.database.url,
            self.limits,
            self.rates,
            self.quiet_window,
            self.timeout
        );
        if let Some(model) = self.model {
            text += &format!("base_url = \"{}\"\nmodel = \"scripted\"\n", model.url);
        }
        text += &self.assistant;
        let home = self.database.folder.path().display();
        // Whether or not this machine has the weights.
        text += "[knowledge]\nembeddings = \"off\"\n";
        text += &format!("[attachments]\nfolder = \"{home}/attachments\"\n{}", self.attachments);
        text += &format!("[webhooks]\n{}", self.webhooks);
        if let Some(port) = self.metrics {
            text += &format!("[metrics]\nlisten = \"127.0.0.1:{port}\"\n");
        }
        text += "[[desk]]\nname = \"support\"\ntitle = \"Tea Support\"\n";
        if let Some(knowledge) = &self.knowledge {
            text += &format!("knowledge = \"{}\"\n", knowledge.display());
        }
        text += &self.desk;
        text += "[[desk]]\nname = \"billing\"\ntitle = \"Billing\"\n";
        let path = self.database.folder.path().join("deskbridge.toml");
        std::fs::write(&path, text).unwrap();
        path
    }

    /// Starts it in this process, by a clock that the test can move, and waits for the link.
    pub async fn start(&self) -> Running {
        let running = self.launch().await;
        running.rest.healthy().await;
        running
    }

    /// The same, without waiting for anything.
    pub async fn launch(&self) -> Running {
        let clock = Clock::default();
        let config = Config::load(Some(&self.write(self.http))).unwrap();
        // A second test in the same process has installed it already.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let app = App::start_at(config, clock.clone()).await.unwrap();
        let rest = Rest::new(app.http().port());
        let helpdesk = app.helpdesk().clone();
        let (stop, stopped) = oneshot::channel::<()>();
        let task = tokio::spawn(async move {
            app.run_until(async {
                let _ = stopped.await;
            })
            .await;
        });
        Running { rest, clock, helpdesk: Some(helpdesk), stop: Some(stop), task }
    }

    /// Where the real binary's log goes.
    pub fn log(&self) -> PathBuf {
        self.database.folder.path().join("deskbridge.log")
    }

    /// Starts the real binary and waits for the link.
    pub async fn spawn(&self) -> Process {
        let port = free_port();
        let path = self.write(port);
        let log = std::fs::OpenOptions::new().create(true).append(true).open(self.log()).unwrap();
        let child = Command::new(env!("CARGO_BIN_EXE_deskbridge"))
            .arg("serve")
            .arg("--config")
            .arg(path)
            .envs(self.env.iter().map(|(name, value)| (name, value)))
            .stdin(Stdio::null())
            .stderr(log)
            .spawn()
            .unwrap();
        // Also when it does not get well.
        let child = Killed(child);
        let rest = Rest::new(port);
        rest.healthy().await;
        Process { rest, child }
    }
}

/// A Deskbridge in this process.
pub struct Running {
    pub rest: Rest,
    pub clock: Clock,
    pub helpdesk: Option<deskbridge::helpdesk::Helpdesk>,
    stop: Option<oneshot::Sender<()>>,
    task: JoinHandle<()>,
}

impl Running {
    /// An orderly shutdown, waited for.
    pub async fn stop(mut self) {
        self.helpdesk = None;
        let _ = self.stop.take().unwrap().send(());
        tokio::time::timeout(Duration::from_secs(20), self.task).await.expect("the shutdown ends").unwrap();
    }
}

/// The real binary.
pub struct Process {
    pub rest: Rest,
    child: Killed,
}

impl Process {
    /// SIGKILL.
    pub fn kill(self) {
        drop(self.child);
    }

    pub fn pid(&self) -> u32 {
        self.child.0.id()
    }

    /// SIGTERM, as service managers send it; gives how it ended.
    pub async fn terminate(mut self) -> std::process::ExitStatus {
        assert!(Command::new("kill").arg(self.pid().to_string()).status().unwrap().success());
        let child = std::cell::RefCell::new(&mut self.child.0);
        eventually("it ends after SIGTERM", || async { child.borrow_mut().try_wait().unwrap() }).await
    }
}

/// A REST client.
#[derive(Clone)]
pub struct Rest {
    base: String,
    http: reqwest::Client,
}

/// What came back.
pub struct Answer {
    pub status: u16,
    pub headers: reqwest::header::HeaderMap,
    pub json: Value,
}

impl Rest {
    fn new(port: u16) -> Self {
        let _ = rustls::crypto::ring::default_provider().install_default();
        Self { base: format!("http://127.0.0.1:{port}"), http: reqwest::Client::new() }
    }

    /// For who speaks HTTP by hand.
    pub fn port(&self) -> u16 {
        let port = self.base.rsplit(':').next().and_then(|port| port.parse().ok());
        port.unwrap()
    }

    /// Where something is.
    pub fn url(&self, path: &str) -> String {
        format!("{}{path}", self.base)
    }

    /// Waits until every service is healthy.
    pub async fn healthy(&self) {
        eventually("everything is healthy", || async {
            let answer = self.http.get(format!("{}/healthz", self.base)).send().await.ok()?;
            (answer.status() == 200).then_some(())
        })
        .await;
    }

    /// What the service says of itself in `/healthz`.
    pub async fn health_of(&self, service: &str) -> String {
        let answer = self.ask(self.http.get(format!("{}/healthz", self.base))).await;
        answer.json["services"][service].as_str().unwrap().to_owned()
    }

    /// Waits until the service says that it is `healthy` or `unhealthy`.
    pub async fn becomes(&self, service: &str, word: &str) {
        eventually(&format!("{service} is {word}"), || async { (self.health_of(service).await == word).then_some(()) })
            .await;
    }

    pub async fn get(&self, token: &str, path: &str) -> Answer {
        self.ask(self.http.get(format!("{}{path}", self.base)).bearer_auth(token)).await
    }

    pub async fn post(&self, token: &str, path: &str, body: &Value) -> Answer {
        let request = self.http.post(format!("{}{path}", self.base)).bearer_auth(token);
        self.ask(request.header("content-type", "application/json").body(body.to_string())).await
    }

    /// A request of the test's own making.
    pub fn request(&self, method: reqwest::Method, path: &str) -> reqwest::RequestBuilder {
        self.http.request(method, format!("{}{path}", self.base))
    }

    pub async fn ask(&self, request: reqwest::RequestBuilder) -> Answer {
        let response = request.send().await.unwrap();
        let (status, headers) = (response.status().as_u16(), response.headers().clone());
        let text = response.text().await.unwrap();
        Answer { status, headers, json: serde_json::from_str(&text).unwrap_or(Value::String(text)) }
    }

    /// The tickets that the token's owner sees, newest activity first.
    pub async fn tickets(&self, token: &str) -> Vec<Value> {
        let answer = self.get(token, "/api/v1/xmpp/tickets").await;
        assert_eq!(answer.status, 200, "{}", answer.json);
        answer.json.as_array().unwrap().clone()
    }

    /// The ticket's conversation.
    pub async fn sync(&self, token: &str, ticket: &str) -> Value {
        let answer = self.get(token, &format!("/api/v1/xmpp/tickets/{ticket}/sync")).await;
        assert_eq!(answer.status, 200, "{}", answer.json);
        answer.json
    }

    /// Waits until the only ticket of `jid` has this status, and gives its conversation.
    pub async fn ticket_in(&self, jid: &str, status: &str) -> Value {
        let token = token(Role::Admin, "root");
        eventually(&format!("a ticket of {jid} is {status}"), || async {
            let found = self.get(&token, &format!("/api/v1/xmpp/tickets?jid={jid}")).await;
            let tickets = found.json.as_array().unwrap().clone();
            assert!(tickets.len() < 2, "one conversation, one ticket: {tickets:?}");
            let ticket = tickets.first().filter(|ticket| ticket["status"] == status)?;
            Some(self.sync(&token, ticket["id"].as_str().unwrap()).await)
        })
        .await
    }
}

/// A token that is valid for an hour.
pub fn token(role: Role, sub: &str) -> String {
    mint(role, sub, None, &[])
}

/// The token of an agent of one desk.
pub fn agent_of(desk: &str) -> String {
    mint(Role::Agent, "limited", Some(desk), &[])
}

/// A program's token that is valid for an hour.
pub fn program(scopes: &[&str]) -> String {
    mint(Role::Service, "program", None, scopes)
}

fn mint(role: Role, sub: &str, desk: Option<&str>, scopes: &[&str]) -> String {
    let exp = (Clock::default().now().timestamp() + 3600).try_into().unwrap();
    let desks = desk.map(|desk| vec![desk.to_owned()]);
    let scopes = scopes.iter().map(ToString::to_string).collect();
    Tokens::new(JWT_SECRET).mint(&Claims { sub: sub.to_owned(), role, exp, name: None, desks, scopes }).unwrap()
}

/// The texts of a conversation, with their authors.
pub fn lines(conversation: &Value) -> Vec<(String, String)> {
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let messages = conversation["messages"].as_array().unwrap();
    messages.iter().map(|message| (text(&message["author"]), text(&message["content"]))).collect()
}
