//! Races between people, and between a person and the assistant.

use std::time::Duration;

use deskbridge::helpdesk::{Caller, Clock, Desk, Drafted, Fate, Helpdesk, Outcome, Role, Store};
use deskbridge_entity::{
    message::{Author, Visibility},
    ticket::{Handler, Status},
};
use jid::Jid;
use reqwest::Method;
use serde_json::json;
use uuid::Uuid;

use crate::support::{
    database::Database,
    model::{Model, Reply},
    scenario,
    server::{Kind, Server},
    stage::{Rest, Setting, token},
};

scenario!(of_agents_who_claim_at_once_one_wins_and_the_others_learn_who);
scenario!(of_changes_on_the_same_version_one_is_made);
scenario!(a_draft_never_speaks_behind_a_person);

const TICKETS: &str = "/api/v1/xmpp/tickets";
const RUNS: usize = 1000;
/// Runs at the same time, so that they also share commits.
const ABREAST: usize = 50;

/// What the person does while the assistant drafts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Deed {
    Claim,
    Reply,
    ClaimAndReply,
    /// The customer writes meanwhile, too.
    ReplyAmidLines,
    ClaimAndRelease,
}

const DEEDS: [Deed; 5] = [Deed::Claim, Deed::Reply, Deed::ClaimAndReply, Deed::ReplyAmidLines, Deed::ClaimAndRelease];

/// The domain as people and the assistant reach it: on a shared database by a process each.
#[derive(Clone)]
struct Doors {
    people: Helpdesk,
    assistant: Helpdesk,
}

fn caller(role: Role, id: &str) -> Caller {
    Caller { id: id.to_owned(), name: None, role, desks: None, scopes: vec![] }
}

fn answer(text: &str) -> Outcome {
    Outcome::Answer { body: text.to_owned() }
}

/// Somewhere in two milliseconds: about as long as a commit takes.
async fn a_moment() {
    tokio::time::sleep(Duration::from_micros(rand::random_range(0..2000))).await;
    for _ in 0..rand::random_range(0..8) {
        tokio::task::yield_now().await;
    }
}

async fn open_helpdesk(database: &Database) -> Helpdesk {
    let store = Store::connect(&database.url).await.unwrap();
    store.migrate().await.unwrap();
    let desks = vec![Desk::new("support", "Tea Support")];
    let (helpdesk, work) = Helpdesk::new(store, Clock::default(), "help.localhost", desks);
    tokio::spawn(work);
    helpdesk
}

/// One race; gives what became of the draft.
async fn run(doors: Doors, deed: Deed, number: usize) -> Fate {
    let jid = Jid::new(&format!("c{number}@example.com")).unwrap();
    let (customer, eve) = (caller(Role::Customer, jid.as_str()), caller(Role::Agent, "eve"));
    let Doors { people, assistant } = doors;
    let ticket = people.open(&customer, "support", &jid, None, "Where is my tea?".to_owned()).await.unwrap().ticket;
    let begun = people.ticket(&eve, ticket).await.unwrap().epoch;

    let draft = async {
        a_moment().await;
        assistant.commit_draft(ticket, begun, Drafted::of(answer("In the kitchen."))).await.unwrap()
    };
    let line = async {
        if deed == Deed::ReplyAmidLines {
            a_moment().await;
            people.say(&customer, ticket, "Hello?".to_owned()).await.unwrap();
        }
    };
    let person = async {
        a_moment().await;
        act(&people, &eve, ticket, deed).await
    };
    let (fate, (), status) = tokio::join!(draft, line, person);
    if let Some(status) = status {
        // A claim leaves the status alone, and an answer makes it PENDING: so the answer came first, or never.
        let answered = status == Status::Pending;
        assert_eq!(fate == Fate::Committed, answered, "{deed:?}: {status:?} at the claim");
    }

    let late = assistant.commit_draft(ticket, begun, Drafted::of(answer("Much too late."))).await.unwrap();
    assert_eq!(late, Fate::Stale, "{deed:?}: a draft of before");
    let now = people.ticket(&eve, ticket).await.unwrap();
    let next = assistant.commit_draft(ticket, now.epoch, Drafted::of(answer("Here it is."))).await.unwrap();
    let owes = deed == Deed::ClaimAndRelease && now.status == Status::Open;
    assert_eq!(next == Fate::Committed, owes, "{deed:?}: a draft on a ticket {:?} of {:?}", now.status, now.handler);
    if deed != Deed::ClaimAndRelease {
        assert_eq!((now.handler, now.agent.as_deref()), (Handler::Agent, Some("eve")), "{deed:?}");
    }
    check_order(&people, ticket, deed, usize::from(fate == Fate::Committed) + usize::from(owes)).await;
    fate
}

/// Gives the status at the claim, if there was one.
async fn act(people: &Helpdesk, eve: &Caller, ticket: Uuid, deed: Deed) -> Option<Status> {
    let claims = matches!(deed, Deed::Claim | Deed::ClaimAndReply | Deed::ClaimAndRelease);
    let claimed = if claims { Some(people.claim(eve, ticket, None).await.unwrap().status) } else { None };
    match deed {
        Deed::Claim => {}
        Deed::Reply | Deed::ClaimAndReply | Deed::ReplyAmidLines => {
            people.say(eve, ticket, "I look for it.".to_owned()).await.unwrap();
        }
        Deed::ClaimAndRelease => {
            people.release(eve, ticket, None, true, None).await.unwrap();
        }
    }
    claimed
}

/// What the customer reads: as many answers as were committed, and none behind a person's word.
async fn check_order(people: &Helpdesk, ticket: Uuid, deed: Deed, answers: usize) {
    let read = people.conversation(&caller(Role::Admin, "root"), ticket, None).await.unwrap();
    let mut public = read.messages.iter().filter(|message| message.visibility == Visibility::Public);
    let authors: Vec<Author> = public.by_ref().map(|message| message.author).collect();
    assert_eq!(authors.iter().filter(|author| **author == Author::Assistant).count(), answers, "{deed:?}: {authors:?}");
    if let Some(word) = authors.iter().position(|author| *author == Author::Agent) {
        assert!(!authors[word..].contains(&Author::Assistant), "{deed:?}: {authors:?}");
    }
}

async fn open(rest: &Rest, jid: &str) -> String {
    let opened = rest.post(&token(Role::Customer, jid), TICKETS, &json!({ "jid": jid, "message": "Hello?" })).await;
    assert_eq!(opened.status, 201, "{}", opened.json);
    opened.json["ticket_id"].as_str().unwrap().to_owned()
}

mod scenarios {
    use super::*;

    pub async fn of_agents_who_claim_at_once_one_wins_and_the_others_learn_who(database: Database) {
        let server = Server::start(Kind::Prosody).await;
        let model = Model::start(Reply::Hang).await;
        let app = Setting::new(&server, &database, Some(&model)).start().await;
        let rest = &app.rest;
        for round in 0..20 {
            let jid = format!("c{round}@example.com");
            let ticket = open(rest, &jid).await;
            // The assistant's, or one that waits for a person.
            if round % 4 < 2 {
                let helpdesk = app.helpdesk.as_ref().unwrap();
                helpdesk.ask_for_person("support", &jid.parse().unwrap(), "asked", None).await.unwrap();
            }
            let path = format!("{TICKETS}/{ticket}/claim");
            let claims = (0..if round % 2 == 0 { 2 } else { 10 }).map(async |number| {
                let agent = format!("agent{number}@staff.example");
                let answer = rest.post(&token(Role::Agent, &agent), &path, &json!({})).await;
                (agent, answer)
            });
            let (won, lost): (Vec<_>, Vec<_>) =
                futures::future::join_all(claims).await.into_iter().partition(|(_, answer)| answer.status == 200);
            let [(winner, claimed)] = won.as_slice() else { panic!("{} have won", won.len()) };
            assert_eq!((&claimed.json["agent"], &claimed.json["status"]), (&json!(winner), &json!("OPEN")));
            let name = winner.split('@').next().unwrap();
            for (loser, answer) in lost {
                assert_eq!((answer.status, &answer.json["ticket"]["agent"]), (409, &json!(winner)), "{loser}");
                let message = answer.json["error"]["message"].as_str().unwrap();
                assert_eq!(message, format!("{name} has this ticket"), "{loser}");
                assert_eq!(answer.json["ticket"]["version"], claimed.json["version"], "{loser}");
            }
        }
        app.stop().await;
    }

    pub async fn of_changes_on_the_same_version_one_is_made(database: Database) {
        let server = Server::start(Kind::Prosody).await;
        let model = Model::start(Reply::Hang).await;
        let app = Setting::new(&server, &database, Some(&model)).start().await;
        let (rest, eve) = (&app.rest, token(Role::Agent, "eve"));
        let ticket = open(rest, "ann@example.com").await;
        for _ in 0..10 {
            let seen = rest.get(&eve, &format!("{TICKETS}/{ticket}")).await;
            let tag = seen.headers["etag"].to_str().unwrap();
            let changes = (0..10).map(async |number| {
                let request = rest.request(Method::PUT, &format!("{TICKETS}/{ticket}/tags")).bearer_auth(&eve);
                let request = request.header("if-match", tag).header("content-type", "application/json");
                rest.ask(request.body(json!({ "tags": [number.to_string()] }).to_string())).await
            });
            let (made, refused): (Vec<_>, Vec<_>) =
                futures::future::join_all(changes).await.into_iter().partition(|answer| answer.status == 200);
            assert_eq!(made.len(), 1);
            for answer in refused {
                assert_eq!((answer.status, &answer.json["ticket"]["tags"]), (409, &made[0].json["tags"]));
                assert_eq!(answer.headers["etag"], made[0].headers["etag"]);
            }
        }
        app.stop().await;
    }

    pub async fn a_draft_never_speaks_behind_a_person(database: Database) {
        let people = open_helpdesk(&database).await;
        let is_shared = database.url.starts_with("postgres");
        let assistant = if is_shared { open_helpdesk(&database).await } else { people.clone() };
        let doors = Doors { people, assistant };
        let mut fates = Vec::with_capacity(RUNS);
        let numbers: Vec<usize> = (0..RUNS).collect();
        for part in numbers.chunks(ABREAST) {
            let runs = part.iter().map(|&number| tokio::spawn(run(doors.clone(), DEEDS[number % DEEDS.len()], number)));
            for fate in futures::future::join_all(runs.collect::<Vec<_>>()).await {
                fates.push(fate.unwrap());
            }
        }
        // Each side must win some of the races, or there was none.
        let committed = fates.iter().filter(|fate| **fate == Fate::Committed).count();
        assert!((RUNS / 20..RUNS - RUNS / 20).contains(&committed), "{committed} drafts of {RUNS} came first");
    }
}
