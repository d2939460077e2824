//! What was said.

use std::collections::HashMap;

use chrono::{DateTime, Utc};
use deskbridge_entity::{
    attachment,
    message::{self, Author, Visibility},
};
use sea_orm::{
    ColumnTrait, Condition, EntityTrait, FromQueryResult, PaginatorTrait, QueryFilter, QueryOrder, QuerySelect, Select,
    SelectGetableTuple, Selector, Statement,
    sea_query::{Expr, Func},
};
use uuid::Uuid;

use crate::helpdesk::{
    Error,
    attachments::{described, is_only_files},
    store::Store,
};

/// Public messages of a ticket behind `after`, oldest first, one part.
pub(in crate::helpdesk) async fn public_messages(
    store: &Store,
    ticket: Uuid,
    after: i64,
) -> Result<Vec<message::Model>, Error> {
    let messages = message::Entity::find()
        .filter(message::Column::TicketId.eq(ticket))
        .filter(message::Column::Visibility.eq(Visibility::Public))
        .filter(message::Column::Seq.gt(after));
    let lengths = messages.clone().order_by_asc(message::Column::Seq).limit(PART as u64);
    let lengths = with_lengths(lengths).all(store.read()).await?;
    let Some((last, _)) = lengths[..fitting(&lengths, PAGE_CHARACTERS)].last() else { return Ok(Vec::new()) };
    let page = messages.filter(message::Column::Seq.lte(*last)).order_by_asc(message::Column::Seq);
    Ok(page.all(store.read()).await?)
}

/// Numbers and lengths: what does not fit must not be read into memory only to be left out.
fn with_lengths(messages: Select<message::Entity>) -> Selector<SelectGetableTuple<(i64, i32)>> {
    let length = Func::char_length(Expr::col(message::Column::Body));
    messages.select_only().column(message::Column::Seq).expr(length).into_tuple()
}

/// How many of the first have no more characters than `most` together; one in any case.
pub(super) fn fitting(lengths: &[(i64, i32)], most: i64) -> usize {
    let mut characters = 0_i64;
    let fitting = lengths.iter().take(PART).take_while(|(_, length)| {
        let fits = characters == 0 || characters + i64::from(*length) <= most;
        characters += i64::from(*length).max(1);
        fits
    });
    fitting.count()
}

/// Messages in one part of a conversation, at most.
pub(super) const PART: usize = 500;
/// Characters of their texts together, at most; the newest message counts in any case.
pub(super) const PART_CHARACTERS: i64 = 2 * 1024 * 1024;
/// The same where a customer's texts are gathered one page after the other.
const PAGE_CHARACTERS: i64 = 200_000;

/// The newest messages of a ticket before `before`, in their order, and where the part before them ends, if there is
/// one. Notes only for those who may read them.
pub(in crate::helpdesk) async fn messages(
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
    let newest = query.clone().order_by_desc(message::Column::Seq).limit(PART as u64 + 1);
    let lengths = with_lengths(newest).all(store.read()).await?;
    let fitting = fitting(&lengths, PART_CHARACTERS);
    let Some((first, _)) = lengths[..fitting].last() else { return Ok((Vec::new(), None)) };
    let rows = query.filter(message::Column::Seq.gte(*first)).order_by_asc(message::Column::Seq).all(store.read());
    let earlier = (lengths.len() > fitting).then_some(*first);
    let mut rows = rows.await?;
    withhold(&mut rows);
    Ok((rows, earlier))
}

/// What was taken back nobody sees any more, whatever they ask for it.
pub(super) fn withhold(rows: &mut [message::Model]) {
    rows.iter_mut().filter(|row| row.retracted_at.is_some()).for_each(|row| row.body.clear());
}

/// Whether this line of our own was said in a ticket at `since` or later.
pub(in crate::helpdesk) async fn was_said(
    store: &Store,
    ticket: Uuid,
    line: &str,
    since: DateTime<Utc>,
) -> Result<bool, Error> {
    let said = message::Entity::find()
        .filter(message::Column::TicketId.eq(ticket))
        .filter(message::Column::Author.eq(Author::System))
        .filter(message::Column::CreatedAt.gte(since))
        .filter(message::Column::Body.eq(line));
    Ok(said.count(store.house()).await? > 0)
}

/// One public message, as the assistant sees it.
#[derive(Clone, Debug, PartialEq, Eq, FromQueryResult)]
pub struct Utterance {
    ticket_id: Uuid,
    id: Uuid,
    /// Its number.
    pub seq: i64,
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

impl Utterance {
    /// One that stands in no database.
    pub(in crate::helpdesk) fn imagined(ticket_id: Uuid, seq: i64, author: Author, body: &str) -> Self {
        let body = body.to_owned();
        Self { ticket_id, id: Uuid::now_v7(), seq, author, body, only_files: false, markable_id: None }
    }
}

/// The last `limit` public messages of each ticket that no summary stands for, oldest first: one query for all that were claimed together.
pub(in crate::helpdesk) async fn transcripts(
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
        "SELECT ticket_id, id, seq, author, body, CASE WHEN markable THEN stanza_id END AS markable_id \
         FROM (SELECT m.ticket_id, m.id, m.author, m.body, m.seq, m.markable, m.stanza_id, \
         ROW_NUMBER() OVER (PARTITION BY m.ticket_id ORDER BY m.seq DESC) AS place \
         FROM message m JOIN ticket t ON t.id = m.ticket_id \
         WHERE m.visibility = 'public' AND m.superseded_at IS NULL AND m.retracted_at IS NULL \
         AND m.seq > COALESCE(t.episode_from, 0) AND m.seq > COALESCE(t.context_summary_upto, 0) \
         AND m.ticket_id IN ({})) AS latest \
         WHERE place <= {limit} ORDER BY seq",
        places.join(", ")
    );
    let values = tickets.iter().map(|id| sea_orm::Value::from(*id));
    let statement = Statement::from_sql_and_values(store.backend(), sql, values);
    for row in Utterance::find_by_statement(statement).all(store.house()).await? {
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
        .all(store.house())
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

/// The id of the customer's line right before the message with this number, if its sender would like to know when it
/// was read.
pub(in crate::helpdesk) async fn markable_line_before(
    store: &Store,
    ticket: Uuid,
    seq: i64,
) -> Result<Option<String>, Error> {
    let before = message::Entity::find()
        .filter(message::Column::TicketId.eq(ticket))
        .filter(message::Column::Seq.lt(seq))
        .filter(message::Column::Visibility.eq(Visibility::Public))
        .order_by_desc(message::Column::Seq)
        .one(store.house())
        .await?;
    Ok(before.filter(|line| line.author == Author::Customer && line.markable).and_then(|line| line.stanza_id))
}

/// A message of the ticket as it was first written, and all its versions, by their ids.
pub(in crate::helpdesk) async fn versions(
    store: &Store,
    ticket: Uuid,
    message: Uuid,
) -> Result<Option<(Uuid, Vec<Uuid>)>, Error> {
    let of_ticket = message::Entity::find().filter(message::Column::TicketId.eq(ticket));
    let Some(row) = of_ticket.clone().filter(message::Column::Id.eq(message)).one(store.read()).await? else {
        return Ok(None);
    };
    let origin = row.corrects.unwrap_or(row.id);
    let versions = of_ticket
        .filter(Condition::any().add(message::Column::Id.eq(origin)).add(message::Column::Corrects.eq(origin)))
        .select_only()
        .column(message::Column::Id)
        .into_tuple()
        .all(store.read())
        .await?;
    Ok(Some((origin, versions)))
}

/// Who reads what this agent's chat client gave this id, unless it was taken back.
pub(in crate::helpdesk) async fn readers_of(
    store: &Store,
    ticket: Uuid,
    agent: &str,
    stanza_id: &str,
) -> Result<Option<Visibility>, Error> {
    let line = message::Entity::find()
        .filter(message::Column::TicketId.eq(ticket))
        .filter(message::Column::Author.eq(Author::Agent))
        .filter(message::Column::AuthorId.eq(agent))
        .filter(message::Column::StanzaId.eq(stanza_id))
        .filter(message::Column::RetractedAt.is_null())
        .order_by_desc(message::Column::Seq)
        .one(store.read())
        .await?;
    Ok(line.map(|line| line.visibility))
}
