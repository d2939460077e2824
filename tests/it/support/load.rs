//! Customers who talk on whatever breaks: what has no receipt they send again under its id, as chat clients do, and they
//! note everything that arrives.

use std::{
    collections::{BTreeMap, HashMap},
    sync::Arc,
    time::Duration,
};

use deskbridge_entity::message::{self, Author, Visibility};
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter, QueryOrder};
use tokio::{
    sync::{RwLock, watch},
    task::JoinHandle,
    time::{self, Instant},
};
use xmpp_parsers::minidom::Element;

use super::{
    PATIENCE,
    client::{Client, body, chat_line, receipt_for},
    database::Database,
    eventually,
    server::Server,
    stage::{DESK, Rest},
};

/// After how long without a receipt a line is sent again.
const RESEND: Duration = Duration::from_secs(1);
/// The same, when the server has returned the line.
const RESEND_BOUNCED: Duration = Duration::from_millis(50);

/// A server that may be killed only while nobody logs in.
pub type Shared = Arc<RwLock<Server>>;

/// How a customer talks.
#[derive(Clone, Copy)]
pub struct Manner {
    pub name: &'static str,
    /// Lines that are sent at once, before any receipt.
    pub burst: usize,
    pub bursts: usize,
    /// Waits for an answer to each burst.
    pub waits: bool,
    /// Tells the desk what has arrived (XEP-0184).
    pub confirms: bool,
}

/// Customers who talk at the same time.
pub struct Crowd {
    talking: Vec<JoinHandle<Customer>>,
    acknowledged: watch::Receiver<usize>,
}

/// One of them, when all is said.
pub struct Customer {
    manner: Manner,
    server: Shared,
    client: Client,
    progress: watch::Sender<usize>,
    /// Every line by its id; all of them have their receipts.
    lines: BTreeMap<String, String>,
    /// Ids of the desk's messages in the order in which they first came.
    arrived: Vec<String>,
    texts: HashMap<String, String>,
}

/// Half of them wait for answers, half write as fast as receipts come; half of them confirm what arrives.
pub fn four(bursts: usize) -> [Manner; 4] {
    let manner = |name, burst, waits, confirms| Manner { name, burst, bursts, waits, confirms };
    [
        manner("alice", 1, true, true),
        manner("bob", 3, true, false),
        manner("carol", 4, false, true),
        manner("dave", 7, false, false),
    ]
}

impl Crowd {
    pub async fn start(server: &Shared, manners: &[Manner]) -> Self {
        let (progress, acknowledged) = watch::channel(0);
        let mut talking = Vec::new();
        for manner in manners {
            let mut customer = Customer {
                manner: *manner,
                server: Arc::clone(server),
                client: Client::login(&*server.read().await, manner.name, "phone").await,
                progress: progress.clone(),
                lines: BTreeMap::new(),
                arrived: Vec::new(),
                texts: HashMap::new(),
            };
            talking.push(tokio::spawn(async move {
                customer.talk().await;
                customer
            }));
        }
        Self { talking, acknowledged }
    }

    /// Waits until so many lines have their receipts.
    pub async fn acknowledged(&mut self, lines: usize) {
        let reached = self.acknowledged.wait_for(|acknowledged| *acknowledged >= lines);
        time::timeout(PATIENCE * 4, reached).await.expect("the load goes on").expect("somebody talks");
    }

    /// Waits until everything is said, acknowledged, answered and delivered, and checks that nothing was lost, doubled or
    /// overtaken on the way.
    pub async fn settle(self, rest: &Rest, database: &Database) {
        let mut customers = Vec::new();
        for talking in self.talking {
            customers.push(talking.await.unwrap());
        }
        let connection = database.connect().await;
        for customer in &mut customers {
            let jid = format!("{}@localhost", customer.manner.name);
            let conversation = rest.ticket_in(&jid, "PENDING").await;
            let ticket: uuid::Uuid = conversation["ticket_id"].as_str().unwrap().parse().unwrap();
            let stored = || message::Entity::find().filter(message::Column::TicketId.eq(ticket));
            eventually("everything is confirmed", || async {
                let unsent =
                    stored().filter(message::Column::Outbound.eq(true)).filter(message::Column::SentAt.is_null());
                unsent.one(&connection).await.unwrap().is_none().then_some(())
            })
            .await;
            let messages = stored().order_by_asc(message::Column::Seq).all(&connection).await.unwrap();
            customer.compare(&messages).await;
        }
        connection.close().await.unwrap();
    }
}

impl Customer {
    async fn talk(&mut self) {
        for burst in 0..self.manner.bursts {
            let before = self.arrived.len();
            let lines: Vec<_> = (0..self.manner.burst)
                .map(|line| {
                    let number = burst * self.manner.burst + line;
                    (format!("{}-{number}", self.manner.name), format!("{} says line {number}", self.manner.name))
                })
                .collect();
            self.lines.extend(lines.iter().cloned());
            self.say(lines).await;
            if self.manner.waits {
                self.listen("an answer", |me| me.arrived.len() > before).await;
            }
        }
    }

    /// Says lines until each has its receipt.
    async fn say(&mut self, lines: Vec<(String, String)>) {
        let mut open = lines;
        let began = Instant::now();
        let mut send_at = began;
        while !open.is_empty() {
            assert!(began.elapsed() < PATIENCE * 3, "{}: no receipts for {open:?}", self.manner.name);
            if send_at <= Instant::now() {
                for (id, text) in &open {
                    // A stream that has ended is noticed by reading.
                    let _ = self.client.try_send(&chat_line(id, DESK, text)).await;
                }
                send_at = Instant::now() + RESEND;
            }
            match self.next(send_at.saturating_duration_since(Instant::now())).await {
                Heard::Receipt(id) => {
                    let before = open.len();
                    open.retain(|(open, _)| *open != id);
                    self.progress.send_modify(|acknowledged| *acknowledged += before - open.len());
                }
                Heard::Bounce => send_at = send_at.min(Instant::now() + RESEND_BOUNCED),
                Heard::NewStream => send_at = Instant::now(),
                Heard::Other => {}
            }
        }
    }

    async fn listen(&mut self, what: &str, done: impl Fn(&Self) -> bool) {
        let began = Instant::now();
        while !done(self) {
            assert!(began.elapsed() < PATIENCE * 2, "{} waits in vain for {what}", self.manner.name);
            self.next(RESEND).await;
        }
    }

    async fn next(&mut self, patience: Duration) -> Heard {
        let stanza = match self.client.next(patience).await {
            Ok(Some(stanza)) => stanza,
            Ok(None) => return Heard::Other,
            Err(_) => {
                // Free again when the server is up again.
                let server = self.server.read().await;
                self.client = Client::login(&server, self.manner.name, "phone").await;
                return Heard::NewStream;
            }
        };
        if stanza.attr("type") == Some("error") {
            return Heard::Bounce;
        }
        if let Some(id) = receipt_for(&stanza) {
            return Heard::Receipt(id);
        }
        if let Some(text) = body(&stanza) {
            self.note(&stanza, text).await;
        }
        Heard::Other
    }

    async fn note(&mut self, stanza: &Element, text: String) {
        let id = stanza.attr("id").expect("every message has an id").to_owned();
        if self.manner.confirms {
            let receipt = format!(
                "<message type='chat' to='{DESK}' id='r-{id}'><received xmlns='urn:xmpp:receipts' id='{id}'/></message>"
            );
            let _ = self.client.try_send(&receipt).await;
        }
        match self.texts.get(&id) {
            Some(known) => assert_eq!(*known, text, "one id, one text"),
            None => {
                self.texts.insert(id.clone(), text);
                self.arrived.push(id);
            }
        }
    }

    /// Compares what this customer has said and heard with what is stored, in the order of the commits.
    async fn compare(&mut self, stored: &[message::Model]) {
        let name = self.manner.name;
        let mut lines = BTreeMap::new();
        for line in stored.iter().filter(|message| message.author == Author::Customer) {
            let id = line.stanza_id.clone().unwrap();
            assert!(lines.insert(id.clone(), line.body.clone()).is_none(), "{name}: {id} is stored twice");
        }
        assert_eq!(lines, self.lines, "{name}: what is stored is what was said");

        let ours: Vec<_> = stored.iter().filter(|message| message.author != Author::Customer).collect();
        assert!(!ours.is_empty(), "{name} got answers");
        for message in &ours {
            assert_eq!((message.author, message.visibility), (Author::Assistant, Visibility::Public), "{message:?}");
            assert!(message.failed_at.is_none(), "{name}: {message:?}");
        }
        assert_eq!(stored.last().unwrap().author, Author::Assistant, "{name}: every question is answered");
        let doubled = stored.windows(2).find(|pair| pair.iter().all(|message| message.author == Author::Assistant));
        assert!(doubled.is_none(), "{name}: two answers to one question: {doubled:?}");

        let committed: Vec<String> = ours.iter().map(|message| message.id.to_string()).collect();
        let wanted = committed.len();
        self.listen("committed answers", |me| {
            committed.iter().filter(|id| me.texts.contains_key(*id)).count() == wanted
        })
        .await;
        for message in &ours {
            assert_eq!(self.texts[&message.id.to_string()], message.body, "{name}: what arrived is what is stored");
        }
        assert_eq!(self.arrived, committed, "{name}: answers arrive once each, in the order of their commits");
    }
}

enum Heard {
    Receipt(String),
    /// A line came back.
    Bounce,
    /// The old stream had ended.
    NewStream,
    Other,
}
