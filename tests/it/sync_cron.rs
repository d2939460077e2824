//! `deskbridge sync`: the real binary against the real routes. It is killed, it is refused, and its file is the log all the same.

use std::{
    fs,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    time::Duration,
};

use deskbridge::{
    api::{Claims, Tokens},
    helpdesk::{Caller, Helpdesk, Mark, Role},
};
use jid::Jid;
use serde_json::Value;
use tempfile::TempDir;

use crate::support::{
    database::Database,
    served::serve,
    server::free_port,
    stage::{JWT_SECRET, token},
};

/// A Deskbridge without XMPP and assistant.
struct Served {
    url: String,
    helpdesk: Helpdesk,
    _database: Database,
}

impl Served {
    async fn start() -> Self {
        let database = Database::sqlite();
        let (port, helpdesk) = serve(&database).await;
        let url = format!("http://127.0.0.1:{port}");
        Self { url, helpdesk, _database: database }
    }

    async fn line(&self, jid: &str, text: &str) {
        let who = caller(Role::Customer, jid);
        self.helpdesk.open(&who, "support", &Jid::new(jid).unwrap(), None, text.to_owned()).await.unwrap();
    }

    /// The numbers of all changes that a caller is told of.
    async fn log(&self, who: &Caller) -> Vec<i64> {
        let (mut seqs, mut after) = (Vec::new(), Mark::default());
        loop {
            let page = self.helpdesk.changes(who, after, 500).await.unwrap();
            seqs.extend(page.events.iter().map(|event| event.seq));
            after = page.next;
            if !page.has_more {
                return seqs;
            }
        }
    }
}

fn caller(role: Role, id: &str) -> Caller {
    Caller { id: id.to_owned(), name: None, role, desks: None, scopes: vec![] }
}

/// Lines before the first run.
const LINES: usize = 100;

/// Where cron runs.
struct Place {
    folder: TempDir,
}

impl Place {
    fn new() -> Self {
        Self { folder: TempDir::new().unwrap() }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn command(&self, url: &str, token: &str, more: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_deskbridge"));
        command.current_dir(self.folder.path()).env_clear().stdin(Stdio::null());
        if !token.is_empty() {
            command.env("DESKBRIDGE_TOKEN", token);
        }
        command.args(["sync", "--out", "changes.jsonl", "--state", "sync.json", "--url", url]).args(more);
        command
    }

    /// How a run ends, and what it says.
    async fn run(&self, url: &str, token: &str, more: &[&str]) -> (i32, String) {
        let mut command = self.command(url, token, more);
        let ended = tokio::task::spawn_blocking(move || command.output().unwrap()).await.unwrap();
        let said = String::from_utf8([ended.stdout, ended.stderr].concat()).unwrap();
        (ended.status.code().unwrap(), said)
    }

    /// The numbers of the changes in a file, each of which must be a whole line.
    fn seqs(&self, name: &str) -> Vec<i64> {
        let text = fs::read_to_string(self.path(name)).unwrap();
        assert!(text.is_empty() || text.ends_with('\n'));
        let read = |line: &str| serde_json::from_str::<Value>(line).unwrap_or_else(|error| panic!("{error}: {line}"));
        text.lines().map(|line| read(line)["seq"].as_i64().unwrap()).collect()
    }
}

fn kill(mut child: Child) -> bool {
    let was_running = child.try_wait().unwrap().is_none();
    child.kill().unwrap();
    child.wait().unwrap();
    was_running
}

fn length(path: &Path) -> u64 {
    fs::metadata(path).map_or(0, |file| file.len())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_file_is_the_log_wherever_runs_are_killed() {
    let (served, place) = (Served::start().await, Place::new());
    let root = token(Role::Admin, "root");
    let mut lines = 0;
    let mut line = async || {
        lines += 1;
        served.line(&format!("c{}@example.com", lines % 7), &format!("line {lines}")).await;
    };
    for _ in 0..LINES {
        line().await;
    }
    let (mut killed, mut grown) = (0, 0);
    for round in 0..100 {
        let before = length(&place.path("changes.jsonl"));
        // Small pages, so that there is much to be killed in.
        let mut child = place.command(&served.url, &root, &["--limit", "1"]).spawn().unwrap();
        for _ in 0..4 {
            line().await;
        }
        // Every other one when it has begun to write, wherever it is then.
        while round % 2 == 0 && length(&place.path("changes.jsonl")) <= before && child.try_wait().unwrap().is_none() {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        tokio::time::sleep(Duration::from_millis(rand::random_range(0..30))).await;
        killed += usize::from(kill(child));
        grown += usize::from(length(&place.path("changes.jsonl")) > before);
        // As often as that, and until it has mattered.
        if killed >= 12 && grown >= 5 {
            break;
        }
    }
    assert!(killed >= 12 && grown >= 5, "{killed} runs were killed, and {grown} had written something");
    line().await;
    assert_eq!(place.run(&served.url, &root, &[]).await, (0, String::new()));
    let log = served.log(&caller(Role::Admin, "root")).await;
    assert_eq!(place.seqs("changes.jsonl"), log);
    assert!(log.len() > 2 * LINES);

    // Nothing new changes nothing; a file that was taken away is followed by one with what came since.
    assert_eq!(place.run(&served.url, &root, &["--verbose"]).await, (0, "0 changes\n".to_owned()));
    assert_eq!(place.seqs("changes.jsonl"), log);
    fs::rename(place.path("changes.jsonl"), place.path("taken.jsonl")).unwrap();
    line().await;
    assert_eq!(place.run(&served.url, &root, &[]).await.0, 0);
    let both = [place.seqs("taken.jsonl"), place.seqs("changes.jsonl")].concat();
    assert_eq!(both, served.log(&caller(Role::Admin, "root")).await);
    assert!(both.len() > log.len());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_token_fetches_what_it_may_read_and_no_more() {
    let (served, place) = (Served::start().await, Place::new());
    served.line("ann@example.com", "Mine is cold").await;
    served.line("bob@example.com", "Mine is warm").await;
    let ann = token(Role::Customer, "ann@example.com");
    fs::write(place.path("token"), format!("{ann}\n")).unwrap();
    // The file wins over the environment.
    assert_eq!(place.run(&served.url, "junk", &["--token-file", "token"]).await, (0, String::new()));
    assert_eq!(place.seqs("changes.jsonl"), served.log(&caller(Role::Customer, "ann@example.com")).await);
    let text = fs::read_to_string(place.path("changes.jsonl")).unwrap();
    assert!(text.contains("Mine is cold") && !text.contains("warm") && !text.contains("bob"), "{text}");
    let state = fs::read_to_string(place.path("sync.json")).unwrap();
    assert!(!state.contains(&ann) && !text.contains(&ann));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_failure_has_its_exit_status_and_leaves_the_files_as_they_were() {
    let (served, other, place) = (Served::start().await, Served::start().await, Place::new());
    served.line("ann@example.com", "Mine is cold").await;
    let root = token(Role::Admin, "root");
    let program = |scopes: &[&str], exp| {
        let scopes = scopes.iter().map(ToString::to_string).collect();
        let claims = Claims { sub: "cron".to_owned(), role: Role::Service, exp, name: None, desks: None, scopes };
        Tokens::new(JWT_SECRET).mint(&claims).unwrap()
    };
    let reader = program(&["tickets:read"], u64::MAX >> 12);
    assert_eq!(place.run(&served.url, &reader, &[]).await, (0, String::new()));
    let files = || (fs::read(place.path("changes.jsonl")).unwrap(), fs::read(place.path("sync.json")).unwrap());
    let before = files();
    let nobody = format!("http://127.0.0.1:{}", free_port());
    let web = format!("{}/healthz", served.url);
    for (url, token, more, code, word) in [
        (&served.url, "", &[][..], 5, "DESKBRIDGE_TOKEN"),
        (&served.url, "junk", &[], 5, "not valid"),
        (&served.url, "junk\u{7}", &[], 5, "characters"),
        (&served.url, &program(&["tickets:read"], 1), &[], 5, "expired"),
        (&served.url, &program(&[], u64::MAX >> 12), &[], 5, "tickets:read"),
        (&served.url, &root, &["--token-file", "nowhere"], 5, "nowhere"),
        (&nobody, &root, &[], 4, "does not answer"),
        (&web, &root, &[], 1, "--url"),
        (&"nonsense".to_owned(), &root, &[], 1, "--url"),
        (&other.url, &root, &[], 6, "begin anew"),
        (&served.url, &root, &[], 7, "another --state"),
        (&served.url, &token(Role::Customer, "ann@example.com"), &[], 7, "another --state"),
        (&served.url, &root, &["--limit", "0"], 2, "--limit"),
        (&served.url, &root, &["--token", &root], 2, "--token"),
        (&served.url, &root, &["--out", "twice"], 2, "Usage: deskbridge sync [OPTIONS] --out <FILE> --state <FILE>\n"),
    ] {
        let (ended, said) = place.run(url, token, more).await;
        assert!(ended == code && said.contains(word), "{code} {word}: {ended} {said}");
        assert!(!said.contains(&root), "{said}");
        assert_eq!(files(), before, "{said}");
    }
    // A new key of the program goes on.
    served.line("ann@example.com", "And now it is warm").await;
    let rotated = program(&["tickets:read"], u64::MAX >> 13);
    assert_eq!(place.run(&served.url, &rotated, &[]).await, (0, String::new()));
    assert_eq!(place.seqs("changes.jsonl"), served.log(&caller(Role::Admin, "root")).await);
    let lock = fs::File::open(place.path("sync.json.lock")).unwrap();
    lock.lock().unwrap();
    let (ended, said) = place.run(&served.url, &root, &[]).await;
    assert!(ended == 3 && said.contains("sync.json.lock"), "{ended} {said}");
    drop(lock);
    fs::write(place.path("changes.jsonl"), "a letter").unwrap();
    let (ended, said) = place.run(&served.url, &root, &[]).await;
    assert!(ended == 1 && said.contains("changes.jsonl"), "{ended} {said}");
    assert_eq!(fs::read_to_string(place.path("changes.jsonl")).unwrap(), "a letter");
}
