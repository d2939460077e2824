//! The recent messages of a conversation, for changes to one of them: which stands, and which was answered.

use chrono::{DateTime, Utc};
use deskbridge_entity::message::{self, Author, Visibility};
use sea_orm::{
    ColumnTrait, DatabaseTransaction, DbErr, EntityTrait, FromQueryResult, QueryFilter, QueryOrder, QuerySelect,
    sea_query::Expr,
};
use uuid::Uuid;

use super::Unit;

/// Messages of a ticket that can still be corrected or taken back. Clients correct the last one, people take back
/// what they have just said.
const REACH: u64 = 500;

/// A message without its text.
#[derive(Clone, Debug)]
pub(in crate::helpdesk) struct Said {
    pub id: Uuid,
    /// Its number; of this batch's own messages none is known yet, and all are greater.
    seq: Option<i64>,
    pub author: Author,
    /// The agent who wrote it.
    pub author_id: Option<String>,
    pub visibility: Visibility,
    /// The id that the author's client gave it.
    pub stanza_id: Option<String>,
    /// The message as it was first written, if this one corrects it.
    pub corrects: Option<Uuid>,
    /// Neither corrected nor taken back.
    pub stands: bool,
    pub created_at: DateTime<Utc>,
}

#[derive(FromQueryResult)]
struct Row {
    id: Uuid,
    seq: i64,
    author: Author,
    author_id: Option<String>,
    visibility: Visibility,
    stanza_id: Option<String>,
    corrects: Option<Uuid>,
    superseded_at: Option<DateTime<Utc>>,
    retracted_at: Option<DateTime<Utc>>,
    created_at: DateTime<Utc>,
}

impl Said {
    pub(super) fn of(message: &message::Model) -> Self {
        Self {
            id: message.id,
            seq: None,
            author: message.author,
            author_id: message.author_id.clone(),
            visibility: message.visibility,
            stanza_id: message.stanza_id.clone(),
            corrects: message.corrects,
            stands: message.superseded_at.is_none() && message.retracted_at.is_none(),
            created_at: message.created_at,
        }
    }

    fn read(row: Row) -> Self {
        let Row {
            id,
            seq,
            author,
            author_id,
            visibility,
            stanza_id,
            corrects,
            superseded_at,
            retracted_at,
            created_at,
        } = row;
        let stands = superseded_at.is_none() && retracted_at.is_none();
        Self { id, seq: Some(seq), author, author_id, visibility, stanza_id, corrects, stands, created_at }
    }

    /// The id of the message as it was first written: the same for all its versions.
    pub(in crate::helpdesk) fn origin(&self) -> Uuid {
        self.corrects.unwrap_or(self.id)
    }

    fn is_line(&self) -> bool {
        self.author == Author::Customer && self.visibility == Visibility::Public && self.stands
    }

    fn is_answer(&self) -> bool {
        matches!(self.author, Author::Assistant | Author::Agent) && self.visibility == Visibility::Public
    }
}

impl Unit {
    pub(super) async fn load_recent(&mut self, tx: &DatabaseTransaction, ticket: Uuid) -> Result<(), DbErr> {
        let rows: Vec<Row> = message::Entity::find()
            .select_only()
            .columns([
                message::Column::Id,
                message::Column::Seq,
                message::Column::Author,
                message::Column::AuthorId,
                message::Column::Visibility,
                message::Column::StanzaId,
                message::Column::Corrects,
                message::Column::SupersededAt,
                message::Column::RetractedAt,
                message::Column::CreatedAt,
            ])
            .filter(message::Column::TicketId.eq(ticket))
            .order_by_desc(message::Column::Seq)
            .limit(REACH)
            .into_model()
            .all(tx)
            .await?;
        self.recent.insert(ticket, rows.into_iter().rev().map(Said::read).collect());
        Ok(())
    }

    /// The messages of a ticket in their order, as far as they were asked for.
    fn recent(&self, ticket: Uuid) -> &[Said] {
        self.recent.get(&ticket).map_or(&[], Vec::as_slice)
    }

    /// The standing version of the customer's line with this stanza id. Clients that correct a message twice name the
    /// first version or the second (XEP-0308 §4), so either finds it.
    pub(in crate::helpdesk) fn line_with(&self, ticket: Uuid, stanza_id: &str) -> Option<&Said> {
        self.standing(ticket, stanza_id, |said| said.author == Author::Customer)
    }

    /// The same for what an agent has written, to the customer or as a note. Nobody reaches a colleague's words.
    pub(in crate::helpdesk) fn word_with(&self, ticket: Uuid, agent: &str, stanza_id: &str) -> Option<&Said> {
        self.standing(ticket, stanza_id, |said| {
            said.author == Author::Agent && said.author_id.as_deref() == Some(agent)
        })
    }

    fn standing(&self, ticket: Uuid, stanza_id: &str, is_theirs: impl Fn(&Said) -> bool) -> Option<&Said> {
        let recent = self.recent(ticket);
        let is_it = |said: &&Said| is_theirs(said) && said.stanza_id.as_deref() == Some(stanza_id);
        let origin = recent.iter().rev().find(is_it)?.origin();
        recent.iter().rev().find(|said| said.origin() == origin && said.stands)
    }

    /// Whether no standing line of the customer came later.
    pub(in crate::helpdesk) fn is_newest_line(&self, ticket: Uuid, line: Uuid) -> bool {
        self.recent(ticket).iter().rev().find(|said| said.is_line()).is_some_and(|said| said.id == line)
    }

    /// Whether a version of this line is a part of what was summarised up to the message with this number.
    pub(in crate::helpdesk) fn is_summarised(&self, ticket: Uuid, origin: Uuid, upto: Option<i64>) -> bool {
        let is_covered = |said: &Said| said.seq.is_some_and(|seq| Some(seq) <= upto);
        self.recent(ticket).iter().any(|said| said.origin() == origin && is_covered(said))
    }

    /// Whether it is what the ticket began with.
    pub(in crate::helpdesk) fn is_first_line(&self, ticket: Uuid, line: &Said) -> bool {
        let recent = self.recent(ticket);
        recent.len() < usize::try_from(REACH).unwrap_or(usize::MAX)
            && recent.iter().find(|said| said.author == Author::Customer).is_some_and(|first| first.id == line.origin())
    }

    /// When Deskbridge has last said something by itself in the ticket.
    pub(in crate::helpdesk) fn last_told(&self, ticket: Uuid) -> Option<DateTime<Utc>> {
        let told = |said: &&Said| said.author == Author::System && said.visibility == Visibility::Public;
        self.recent(ticket).iter().rev().find(told).map(|said| said.created_at)
    }

    /// Whether the customer has said something that nobody has answered.
    pub(in crate::helpdesk) fn has_unanswered(&self, ticket: Uuid) -> bool {
        self.recent(ticket).iter().rev().take_while(|said| !said.is_answer()).any(Said::is_line)
    }

    /// A correction has taken the place of a message.
    pub(in crate::helpdesk) fn supersede(&mut self, ticket: Uuid, line: Uuid) {
        self.mark(ticket, message::Column::SupersededAt, |said| said.id == line);
    }

    /// A message was taken back, with all its versions.
    pub(in crate::helpdesk) fn retract(&mut self, ticket: Uuid, origin: Uuid) {
        self.mark(ticket, message::Column::RetractedAt, |said| said.origin() == origin);
    }

    fn mark(&mut self, ticket: Uuid, column: message::Column, which: impl Fn(&Said) -> bool) {
        let Some(recent) = self.recent.get_mut(&ticket) else { return };
        let mut marked = Vec::new();
        for said in recent.iter_mut().filter(|said| which(said)) {
            said.stands = false;
            marked.push(said.id);
        }
        self.run(
            &message::Entity::update_many()
                .col_expr(column, Expr::value(self.now))
                .filter(message::Column::Id.is_in(marked))
                .filter(column.is_null()),
        );
    }
}
