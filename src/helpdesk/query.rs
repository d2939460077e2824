//! Reading: every query has a name and a scope. Nothing here writes.

mod queue;

use std::collections::{HashMap, HashSet};

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use chrono::{DateTime, Utc};
use deskbridge_entity::{
    attachment,
    message::{self, Author, Visibility},
    notice,
    presence::{self, Source},
    subscription,
    ticket::{self, Handler, Status},
};
use jid::{BareJid, Jid};
use sea_orm::{
    ColumnTrait, Condition, ConnectionTrait, EntityTrait, FromQueryResult, PaginatorTrait, QueryFilter, QueryOrder,
    QuerySelect, QueryTrait, Select, Statement,
    sea_query::{Expr, Func, SelectStatement},
};
use uuid::Uuid;

pub(super) use queue::{queue, waiting_counts};

use super::{
    Error,
    attachments::{described, is_only_files},
    caller::{Caller, Role},
    store::Store,
};

/// Which tickets to list.
#[derive(Clone, Debug, Default)]
pub struct Filter {
    /// Of this customer only.
    pub customer: Option<BareJid>,
    /// In this status only.
    pub status: Option<Status>,
    /// Where the page before ended.
    pub after: Option<Cursor>,
    /// Tickets a page.
    pub limit: u64,
}

/// A place in the list of tickets, newest activity first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cursor {
    last_message_at: DateTime<Utc>,
    id: Uuid,
}

impl Cursor {
    /// The place behind `ticket`.
    #[must_use]
    pub fn behind(ticket: &ticket::Model) -> Self {
        Self { last_message_at: ticket.last_message_at, id: ticket.id }
    }

    /// As an opaque word for URLs.
    #[must_use]
    pub fn encode(&self) -> String {
        let mut bytes = self.last_message_at.timestamp_micros().to_be_bytes().to_vec();
        bytes.extend_from_slice(self.id.as_bytes());
        URL_SAFE_NO_PAD.encode(bytes)
    }

    /// Reads what [`Cursor::encode`] made; `None` for anything else.
    #[must_use]
    pub fn decode(word: &str) -> Option<Self> {
        let bytes = URL_SAFE_NO_PAD.decode(word).ok()?;
        let (micros, id) = bytes.split_at_checked(8)?;
        let last_message_at = DateTime::from_timestamp_micros(i64::from_be_bytes(micros.try_into().ok()?))?;
        Some(Self { last_message_at, id: Uuid::from_slice(id).ok()? })
    }
}

/// One page of a list.
#[derive(Debug)]
pub struct Page<T> {
    /// What it holds.
    pub items: Vec<T>,
    /// Where the next one begins, if there is one.
    pub next: Option<Cursor>,
}

/// Only what the caller may see.
fn visible_to(caller: &Caller) -> Select<ticket::Entity> {
    let all = ticket::Entity::find();
    match (caller.role, &caller.desks) {
        (Role::Customer, _) => all.filter(ticket::Column::Customer.eq(&caller.id)),
        (Role::Agent, Some(desks)) => all.filter(ticket::Column::Desk.is_in(desks)),
        (Role::Agent, None) | (Role::Admin | Role::Service, _) => all,
    }
}

pub(super) async fn tickets(store: &Store, caller: &Caller, filter: &Filter) -> Result<Page<ticket::Model>, Error> {
    caller.require_reader()?;
    let mut query = visible_to(caller);
    if let Some(customer) = &filter.customer {
        query = query.filter(ticket::Column::Customer.eq(customer.as_str()));
    }
    if let Some(status) = filter.status {
        query = query.filter(ticket::Column::Status.eq(status));
    }
    if let Some(Cursor { last_message_at: at, id }) = filter.after {
        // The first condition alone gives the index its range; the second settles ties.
        query = query
            .filter(ticket::Column::LastMessageAt.lte(at))
            .filter(Condition::any().add(ticket::Column::LastMessageAt.lt(at)).add(ticket::Column::Id.lt(id)));
    }
    let mut items = query
        .order_by_desc(ticket::Column::LastMessageAt)
        .order_by_desc(ticket::Column::Id)
        .limit(filter.limit + 1)
        .all(store.read())
        .await?;
    let full = usize::try_from(filter.limit).unwrap_or(usize::MAX);
    let more = items.len() > full;
    items.truncate(full);
    let next = items.last().filter(|_| more).map(Cursor::behind);
    Ok(Page { items, next })
}

/// The ticket, if it exists and the caller may read it: to others it does not exist.
pub(super) async fn ticket(store: &Store, caller: &Caller, id: Uuid) -> Result<ticket::Model, Error> {
    caller.require_reader()?;
    let row = ticket::Entity::find_by_id(id).one(store.read()).await?;
    row.filter(|row| caller.may_read(row)).ok_or_else(|| Error::NotFound(format!("ticket {id}")))
}

/// As [`ticket`], by the part of the id that its own address shows.
pub(super) async fn ticket_at(store: &Store, caller: &Caller, short_id: &str) -> Result<ticket::Model, Error> {
    caller.require_reader()?;
    let row = ticket::Entity::find().filter(ticket::Column::ShortId.eq(short_id)).one(store.read()).await?;
    row.filter(|row| caller.may_read(row)).ok_or_else(|| Error::NotFound(format!("ticket {short_id}")))
}

/// The tickets that have a room.
pub(super) async fn with_room(store: &Store) -> Result<Vec<ticket::Model>, Error> {
    Ok(ticket::Entity::find().filter(ticket::Column::Room.is_not_null()).all(store.read()).await?)
}

/// The live ticket of a customer at a desk, else the latest.
pub(super) async fn current_of(store: &Store, desk: &str, customer: &BareJid) -> Result<Option<ticket::Model>, Error> {
    let of_both = ticket::Entity::find()
        .filter(ticket::Column::Customer.eq(customer.as_str()))
        .filter(ticket::Column::Desk.eq(desk));
    let live = [Status::Open, Status::Pending, Status::Escalated];
    let live = of_both.clone().filter(ticket::Column::Status.is_in(live)).one(store.read()).await?;
    if live.is_some() {
        return Ok(live);
    }
    let latest = of_both.order_by_desc(ticket::Column::LastMessageAt).order_by_desc(ticket::Column::Id);
    Ok(latest.one(store.read()).await?)
}

/// The ids of all tickets of a customer, as a part of another statement.
pub(super) fn ids_of(customer: &str) -> SelectStatement {
    let ids = ticket::Entity::find().select_only().column(ticket::Column::Id);
    ids.filter(ticket::Column::Customer.eq(customer)).into_query()
}

/// How many tickets have waited longer for a person at the desk than this one.
pub(super) async fn waiting_before(store: &Store, row: &ticket::Model) -> Result<u64, Error> {
    let Some(since) = row.waiting_since else { return Ok(0) };
    let same = Condition::all().add(ticket::Column::WaitingSince.eq(since)).add(ticket::Column::Id.lt(row.id));
    let before = ticket::Entity::find()
        .filter(ticket::Column::Desk.eq(&row.desk))
        .filter(ticket::Column::Status.eq(Status::Escalated))
        .filter(Condition::any().add(ticket::Column::WaitingSince.lt(since)).add(same));
    Ok(before.count(store.read()).await?)
}

/// Tickets in a list for agents, at most.
const LISTED: u64 = 100;

/// The tickets that wait for a person at a desk, the longest waiting first.
pub(super) async fn waiting_at(store: &Store, desk: &str) -> Result<Vec<ticket::Model>, Error> {
    let waiting = ticket::Entity::find()
        .filter(ticket::Column::Desk.eq(desk))
        .filter(ticket::Column::Status.eq(Status::Escalated))
        .order_by_asc(ticket::Column::WaitingSince)
        .order_by_asc(ticket::Column::Id)
        .limit(LISTED);
    Ok(waiting.all(store.read()).await?)
}

/// The live tickets that an agent has, newest activity first.
pub(super) async fn held_by(store: &Store, agent: &str) -> Result<Vec<ticket::Model>, Error> {
    let held = ticket::Entity::find()
        .filter(ticket::Column::Agent.eq(agent))
        .filter(ticket::Column::Handler.eq(Handler::Agent))
        .filter(ticket::Column::Status.is_in([Status::Open, Status::Pending]))
        .order_by_desc(ticket::Column::LastMessageAt)
        .limit(LISTED);
    Ok(held.all(store.read()).await?)
}

/// Public messages of a ticket behind `after`, oldest first, one part.
pub(super) async fn public_messages(store: &Store, ticket: Uuid, after: i64) -> Result<Vec<message::Model>, Error> {
    let messages = message::Entity::find()
        .filter(message::Column::TicketId.eq(ticket))
        .filter(message::Column::Visibility.eq(Visibility::Public))
        .filter(message::Column::Seq.gt(after))
        .order_by_asc(message::Column::Seq)
        .limit(PART as u64);
    Ok(messages.all(store.read()).await?)
}

/// The numbers of the events that name a JID: what REST callers told of its presence.
pub(super) async fn presence_events_of(store: &Store, customer: &BareJid) -> Result<Vec<i64>, Error> {
    let sql = "SELECT seq, data ->> 'jid' AS jid FROM event WHERE kind = 'presence.updated'";
    let statement = Statement::from_string(store.backend(), sql);
    let rows = ConnectionTrait::query_all_raw(store.read(), statement).await?;
    let mut told = Vec::new();
    for row in rows {
        let jid: Option<String> = row.try_get("", "jid")?;
        if jid.and_then(|jid| Jid::new(&jid).ok()).is_some_and(|jid| jid.to_bare() == *customer) {
            told.push(row.try_get("", "seq")?);
        }
    }
    Ok(told)
}

/// Messages in one part of a conversation, at most.
const PART: usize = 500;
/// Characters of their texts together, at most; the newest message counts in any case.
const PART_CHARACTERS: i64 = 2 * 1024 * 1024;

/// The newest messages of a ticket before `before`, in their order, and where the part before them ends, if there is
/// one. Notes only for those who may read them.
pub(super) async fn messages(
    store: &Store,
    ticket: Uuid,
    with_notes: bool,
    before: Option<i64>,
) -> Result<(Vec<message::Model>, Option<i64>), Error> {
    let mut query = message::Entity::find().filter(message::Column::TicketId.eq(ticket));
    if !with_notes {
        query = query.filter(message::Column::Visibility.eq(Visibility::Public));
        // The customer sees what it meant to say.
        query = query.filter(message::Column::SupersededAt.is_null());
    }
    if let Some(before) = before {
        query = query.filter(message::Column::Seq.lt(before));
    }
    // Lengths first: what does not fit must not be read into memory only to be left out.
    let lengths: Vec<(i64, i32)> = query
        .clone()
        .select_only()
        .column(message::Column::Seq)
        .expr(Func::char_length(Expr::col(message::Column::Body)))
        .order_by_desc(message::Column::Seq)
        .limit(PART as u64 + 1)
        .into_tuple()
        .all(store.read())
        .await?;
    let mut characters = 0_i64;
    let fitting = lengths.iter().take(PART).take_while(|(_, length)| {
        let fits = characters == 0 || characters + i64::from(*length) <= PART_CHARACTERS;
        characters += i64::from(*length).max(1);
        fits
    });
    let fitting = fitting.count();
    let Some((first, _)) = lengths[..fitting].last() else { return Ok((Vec::new(), None)) };
    let rows = query.filter(message::Column::Seq.gte(*first)).order_by_asc(message::Column::Seq).all(store.read());
    let earlier = (lengths.len() > fitting).then_some(*first);
    let mut rows = rows.await?;
    // What was taken back nobody sees any more, whatever they ask for it.
    rows.iter_mut().filter(|row| row.retracted_at.is_some()).for_each(|row| row.body.clear());
    Ok((rows, earlier))
}

/// Tickets that are owed an answer and free, the longest due first: `limit`, those that the asker is at already, and
/// one more to know when to look again.
pub(super) fn due(now: DateTime<Utc>, limit: u64, running: &HashMap<Uuid, i64>) -> Select<ticket::Entity> {
    let free =
        Condition::any().add(ticket::Column::ReplyLeaseUntil.is_null()).add(ticket::Column::ReplyLeaseUntil.lt(now));
    ticket::Entity::find()
        .filter(ticket::Column::ReplyDueAt.is_not_null())
        .filter(free)
        .order_by_asc(ticket::Column::ReplyDueAt)
        .limit(limit + running.len() as u64 + 1)
}

/// Of what [`due`] found: at most `limit` that are due now, and when the next one is.
pub(super) fn pick_due(
    rows: Vec<ticket::Model>,
    now: DateTime<Utc>,
    limit: u64,
    running: &HashMap<Uuid, i64>,
) -> (Vec<ticket::Model>, Option<DateTime<Utc>>) {
    let limit = usize::try_from(limit).unwrap_or(usize::MAX);
    let mut picked = Vec::new();
    for row in rows.into_iter().filter(|row| running.get(&row.id) != Some(&row.epoch)) {
        if picked.len() == limit || row.reply_due_at > Some(now) {
            return (picked, row.reply_due_at);
        }
        picked.push(row);
    }
    (picked, None)
}

/// One public message, as the assistant sees it.
#[derive(Clone, Debug, PartialEq, Eq, FromQueryResult)]
pub struct Utterance {
    ticket_id: Uuid,
    id: Uuid,
    /// Who spoke.
    pub author: Author,
    /// The text; a file that came with it is `[file: its name]`.
    pub body: String,
    /// There is nothing but files in it.
    #[sea_orm(skip)]
    pub only_files: bool,
    /// The id that the customer's client gave it, if it would like to know when it was read (XEP-0333).
    pub markable_id: Option<String>,
}

/// The last `limit` public messages of each ticket, oldest first: one query for all that were claimed together.
pub(super) async fn transcripts(
    store: &Store,
    tickets: &[Uuid],
    limit: u64,
) -> Result<HashMap<Uuid, Vec<Utterance>>, Error> {
    let mut transcripts: HashMap<Uuid, Vec<Utterance>> = HashMap::with_capacity(tickets.len());
    if tickets.is_empty() {
        return Ok(transcripts);
    }
    let places: Vec<String> = (1..=tickets.len()).map(|place| format!("${place}")).collect();
    let sql = format!(
        "SELECT ticket_id, id, author, body, CASE WHEN markable THEN stanza_id END AS markable_id \
         FROM (SELECT m.ticket_id, m.id, m.author, m.body, m.seq, m.markable, m.stanza_id, \
         ROW_NUMBER() OVER (PARTITION BY m.ticket_id ORDER BY m.seq DESC) AS place \
         FROM message m JOIN ticket t ON t.id = m.ticket_id \
         WHERE m.visibility = 'public' AND m.superseded_at IS NULL AND m.retracted_at IS NULL \
         AND m.seq > COALESCE(t.episode_from, 0) AND m.ticket_id IN ({})) AS latest \
         WHERE place <= {limit} ORDER BY seq",
        places.join(", ")
    );
    let values = tickets.iter().map(|id| sea_orm::Value::from(*id));
    let statement = Statement::from_sql_and_values(store.backend(), sql, values);
    for row in Utterance::find_by_statement(statement).all(store.read()).await? {
        transcripts.entry(row.ticket_id).or_default().push(row);
    }
    name_files(store, &mut transcripts).await?;
    Ok(transcripts)
}

/// Puts names in place of files' URLs.
async fn name_files(store: &Store, transcripts: &mut HashMap<Uuid, Vec<Utterance>>) -> Result<(), Error> {
    // Most conversations have no URL at all, and then need no further query.
    let has_url = |lines: &Vec<Utterance>| lines.iter().any(|line| line.body.contains("://"));
    let tickets: Vec<Uuid> = transcripts.iter().filter(|(_, lines)| has_url(lines)).map(|(id, _)| *id).collect();
    if tickets.is_empty() {
        return Ok(());
    }
    let rows: Vec<(Uuid, String)> = attachment::Entity::find()
        .select_only()
        .columns([attachment::Column::MessageId, attachment::Column::Url])
        .filter(attachment::Column::TicketId.is_in(tickets))
        .into_tuple()
        .all(store.read())
        .await?;
    let mut files: HashMap<Uuid, Vec<String>> = HashMap::new();
    for (message, url) in rows {
        files.entry(message).or_default().push(url);
    }
    for line in transcripts.values_mut().flatten() {
        if let Some(urls) = files.get(&line.id) {
            line.only_files = is_only_files(&line.body, urls.iter().map(String::as_str));
            line.body = described(&line.body, urls.iter().map(String::as_str));
        }
    }
    Ok(())
}

/// The files of these messages of a ticket, oldest first; those of a message that was taken back are nobody's.
pub(super) async fn attachments(
    store: &Store,
    ticket: Uuid,
    messages: &[message::Model],
) -> Result<Vec<attachment::Model>, Error> {
    if !messages.iter().any(|message| message.body.contains("://")) {
        return Ok(Vec::new());
    }
    let shown: HashSet<Uuid> =
        messages.iter().filter(|message| message.retracted_at.is_none()).map(|message| message.id).collect();
    let mut rows = attachment::Entity::find()
        .filter(attachment::Column::TicketId.eq(ticket))
        .order_by_asc(attachment::Column::Id)
        .all(store.read())
        .await?;
    rows.retain(|row| shown.contains(&row.message_id));
    Ok(rows)
}

/// A file and its ticket, if the caller may read that: to others it does not exist, nor what was taken back to anybody.
pub(super) async fn attachment(store: &Store, caller: &Caller, id: Uuid) -> Result<attachment::Model, Error> {
    let unknown = || Error::NotFound(format!("attachment {id}"));
    caller.require_reader()?;
    let row = attachment::Entity::find_by_id(id).one(store.read()).await?.ok_or_else(unknown)?;
    ticket(store, caller, row.ticket_id).await.map_err(|error| match error {
        Error::NotFound(_) => unknown(),
        other => other,
    })?;
    let message = message::Entity::find_by_id(row.message_id).one(store.read()).await?.ok_or_else(unknown)?;
    let is_shown = message.retracted_at.is_none()
        && (caller.role != Role::Customer
            || (message.visibility == Visibility::Public && message.superseded_at.is_none()));
    if is_shown { Ok(row) } else { Err(unknown()) }
}

/// Files to fetch, oldest first, with their customer: none of these ids and customers.
pub(super) async fn pending_files(
    store: &Store,
    not: &[Uuid],
    busy: &[String],
    limit: u64,
) -> Result<Vec<(attachment::Model, String)>, Error> {
    let rows = attachment::Entity::find()
        .filter(attachment::Column::State.eq(attachment::State::Pending))
        .filter(attachment::Column::Id.is_not_in(not.iter().copied()))
        .filter(
            attachment::Column::TicketId.in_subquery(QueryTrait::into_query(
                ticket::Entity::find()
                    .select_only()
                    .column(ticket::Column::Id)
                    .filter(ticket::Column::Customer.is_not_in(busy.iter().map(String::as_str))),
            )),
        )
        .order_by_asc(attachment::Column::Id)
        .limit(limit)
        .all(store.read())
        .await?;
    let mut files = Vec::with_capacity(rows.len());
    for row in rows {
        if let Some(ticket) = ticket::Entity::find_by_id(row.ticket_id).one(store.read()).await? {
            files.push((row, ticket.customer));
        }
    }
    Ok(files)
}

/// How many files are stored of a ticket, and of its customer since `since`.
pub(super) async fn stored_files(
    store: &Store,
    ticket: Uuid,
    customer: &str,
    since: DateTime<Utc>,
) -> Result<(u64, u64), Error> {
    let stored = || attachment::Entity::find().filter(attachment::Column::State.eq(attachment::State::Stored));
    let of_ticket = stored().filter(attachment::Column::TicketId.eq(ticket)).count(store.read()).await?;
    let tickets =
        ticket::Entity::find().select_only().column(ticket::Column::Id).filter(ticket::Column::Customer.eq(customer));
    let of_customer = stored()
        .filter(attachment::Column::CreatedAt.gte(since))
        .filter(attachment::Column::TicketId.in_subquery(QueryTrait::into_query(tickets)))
        .count(store.read())
        .await?;
    Ok((of_ticket, of_customer))
}

/// Those of `ids` whose file is kept: stored, or about to be.
pub(super) async fn kept_files(store: &Store, ids: &[Uuid]) -> Result<HashSet<Uuid>, Error> {
    let rows: Vec<Uuid> = attachment::Entity::find()
        .select_only()
        .column(attachment::Column::Id)
        .filter(attachment::Column::Id.is_in(ids.iter().copied()))
        .filter(attachment::Column::State.is_in([attachment::State::Stored, attachment::State::Pending]))
        .into_tuple()
        .all(store.read())
        .await?;
    Ok(rows.into_iter().collect())
}

/// The id of the customer's line right before the message with this number, if its sender would like to know when it
/// was read.
pub(super) async fn markable_line_before(store: &Store, ticket: Uuid, seq: i64) -> Result<Option<String>, Error> {
    let before = message::Entity::find()
        .filter(message::Column::TicketId.eq(ticket))
        .filter(message::Column::Seq.lt(seq))
        .filter(message::Column::Visibility.eq(Visibility::Public))
        .order_by_desc(message::Column::Seq)
        .one(store.read())
        .await?;
    Ok(before.filter(|line| line.author == Author::Customer && line.markable).and_then(|line| line.stanza_id))
}

/// A message to send, with its addresses.
#[derive(Clone, Debug)]
pub struct Outgoing {
    /// Its id, which is the stanza's too.
    pub id: Uuid,
    /// Its place in commit order.
    pub seq: i64,
    /// The ticket it belongs to.
    pub ticket: Uuid,
    /// The desk that speaks.
    pub desk: String,
    /// The last used resource, unless it is known to be gone; else the bare JID.
    pub to: Jid,
    /// Whether the customer's client understands chat states (XEP-0085).
    pub chat_states: bool,
    /// The text.
    pub body: String,
    /// Who wrote it.
    pub author: Author,
    /// The URL of a file that goes with it; it stands in the text, too.
    pub link: Option<String>,
}

#[derive(FromQueryResult)]
struct OutgoingRow {
    id: Uuid,
    seq: i64,
    ticket_id: Uuid,
    body: String,
    author: Author,
    link: Option<String>,
    desk: String,
    customer: String,
    customer_resource: Option<String>,
    customer_has_chat_states: bool,
    resource_available: Option<bool>,
    resource_told_at: Option<DateTime<Utc>>,
    customer_available: Option<bool>,
    customer_told_at: Option<DateTime<Utc>>,
    customer_source: Option<Source>,
}

/// Unsent messages behind `after` in commit order: within a ticket, and over all of them.
pub(super) async fn unsent(store: &Store, after: i64, limit: u64) -> Result<Vec<Outgoing>, Error> {
    let sql = "SELECT m.id, m.seq, m.ticket_id, m.body, m.author, a.url AS link, t.desk, t.customer, t.customer_resource, \
               t.customer_has_chat_states, r.available AS resource_available, r.updated_at AS resource_told_at, \
               b.available AS customer_available, b.updated_at AS customer_told_at, b.source AS customer_source \
               FROM message m JOIN ticket t ON t.id = m.ticket_id \
               LEFT JOIN presence r ON r.jid = t.customer || '/' || t.customer_resource \
               LEFT JOIN presence b ON b.jid = t.customer \
               LEFT JOIN attachment a ON a.ticket_id = m.ticket_id AND a.message_id = m.id AND a.state = 'linked' \
               WHERE m.outbound AND m.sent_at IS NULL AND m.failed_at IS NULL AND m.seq > $1 \
               ORDER BY m.seq LIMIT $2";
    let limit = i64::try_from(limit).unwrap_or(i64::MAX);
    let statement = Statement::from_sql_and_values(store.backend(), sql, [after.into(), limit.into()]);
    let rows = OutgoingRow::find_by_statement(statement).all(store.read()).await?;
    Ok(rows.into_iter().filter_map(OutgoingRow::addressed).collect())
}

/// Unsent notices behind `after` in commit order.
pub(super) async fn unsent_notices(store: &Store, after: i64, limit: u64) -> Result<Vec<notice::Model>, Error> {
    let notices = notice::Entity::find()
        .filter(notice::Column::SentAt.is_null())
        .filter(notice::Column::Seq.gt(after))
        .order_by_asc(notice::Column::Seq)
        .limit(limit);
    Ok(notices.all(store.read()).await?)
}

impl OutgoingRow {
    fn addressed(self) -> Option<Outgoing> {
        // Stored customers are bare JIDs that were parsed before; a broken row must not stop the others.
        let bare = BareJid::new(&self.customer).ok()?;
        let is_gone = self.resource_is_gone();
        let full = self.customer_resource.filter(|_| !is_gone).and_then(|part| bare.with_resource_str(&part).ok());
        Some(Outgoing {
            id: self.id,
            seq: self.seq,
            ticket: self.ticket_id,
            desk: self.desk,
            to: full.map_or_else(|| Jid::from(bare), Jid::from),
            chat_states: self.customer_has_chat_states,
            body: self.body,
            author: self.author,
            link: self.link,
        })
    }

    /// Whether the last used resource is known to be gone: by its own presence, or because the whole customer went
    /// later. A server also says `unavailable` for the bare JID when it only takes note of our subscription request
    /// (RFC 6121 §3.1.3); as long as no resource has shown itself, that says nothing of the one that writes to us.
    fn resource_is_gone(&self) -> bool {
        let customer_is_gone = self.customer_available == Some(false);
        match self.resource_available {
            Some(available) => !available || (customer_is_gone && self.customer_told_at > self.resource_told_at),
            None => customer_is_gone && self.customer_source == Some(Source::Rest),
        }
    }
}

/// What is known of a JID and its resources, newest first.
pub(super) async fn presence(store: &Store, jid: &Jid) -> Result<Vec<presence::Model>, Error> {
    let query = presence::Entity::find().order_by_desc(presence::Column::UpdatedAt).limit(100);
    let query = if jid.is_bare() {
        query.filter(presence::Column::Bare.eq(jid.to_string()))
    } else {
        query.filter(presence::Column::Jid.eq(jid.to_string()))
    };
    Ok(query.all(store.read()).await?)
}

/// Whether somebody has a ticket at one of these desks.
pub(super) async fn is_customer_of(store: &Store, jid: &BareJid, desks: &[String]) -> Result<bool, Error> {
    let tickets = ticket::Entity::find()
        .filter(ticket::Column::Customer.eq(jid.as_str()))
        .filter(ticket::Column::Desk.is_in(desks));
    Ok(tickets.count(store.read()).await? > 0)
}

/// Whether a contact sees a desk's presence.
pub(super) async fn is_subscribed(store: &Store, desk: &str, contact: &BareJid) -> Result<bool, Error> {
    let key = (desk.to_owned(), contact.to_string());
    Ok(subscription::Entity::find_by_id(key).count(store.read()).await? > 0)
}

/// Everybody who sees a desk's presence.
pub(super) async fn subscribers(store: &Store, desk: &str) -> Result<Vec<BareJid>, Error> {
    let rows = subscription::Entity::find().filter(subscription::Column::Desk.eq(desk)).all(store.read()).await?;
    Ok(rows.into_iter().filter_map(|row| BareJid::new(&row.jid).ok()).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_resource_is_gone_when_the_last_word_says_so() {
        let at = |second| DateTime::from_timestamp(second, 0);
        // The resource's row, the bare JID's row, and whether the answer goes to the bare JID.
        let (xmpp, rest) = (Some(Source::Xmpp), Some(Source::Rest));
        for (case, (resource, resource_at), (customer, customer_at, source), gone) in [
            ("nothing is known", (None, None), (None, None, None), false),
            ("it is there", (Some(true), at(1)), (None, None, None), false),
            ("it has gone", (Some(false), at(1)), (None, None, None), true),
            ("it came after the customer was gone", (Some(true), at(2)), (Some(false), at(1), xmpp), false),
            ("the customer went after it", (Some(true), at(1)), (Some(false), at(2), xmpp), true),
            ("a server only took note of a subscription", (None, None), (Some(false), at(1), xmpp), false),
            ("it was told over REST", (None, None), (Some(false), at(1), rest), true),
        ] {
            let row = OutgoingRow {
                id: Uuid::nil(),
                seq: 1,
                ticket_id: Uuid::nil(),
                body: String::new(),
                author: Author::Assistant,
                link: None,
                desk: "support".to_owned(),
                customer: "ann@example.com".to_owned(),
                customer_resource: Some("phone".to_owned()),
                customer_has_chat_states: false,
                resource_available: resource,
                resource_told_at: resource_at,
                customer_available: customer,
                customer_told_at: customer_at,
                customer_source: source,
            };
            let to = row.addressed().unwrap().to;
            assert_eq!(to.as_str(), if gone { "ann@example.com" } else { "ann@example.com/phone" }, "{case}");
        }
    }

    #[test]
    fn a_cursor_survives_its_encoding_and_junk_is_refused() {
        let cursor = Cursor {
            last_message_at: DateTime::from_timestamp_micros(1_700_000_000_123_456).unwrap(),
            id: Uuid::now_v7(),
        };
        assert_eq!(Cursor::decode(&cursor.encode()), Some(cursor));
        for junk in ["", "AAAA", "not base64!", &cursor.encode()[..10]] {
            assert_eq!(Cursor::decode(junk), None, "{junk}");
        }
    }
}
