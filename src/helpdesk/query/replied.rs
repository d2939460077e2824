//! What messages answer, as those know it who receive them (XEP-0461).

use std::collections::HashMap;

use deskbridge_entity::{
    message::{self, Author, Visibility},
    notice,
};
use sea_orm::{ColumnTrait, EntityTrait, FromQueryResult, QueryFilter, QueryOrder, Statement};
use uuid::Uuid;

use crate::helpdesk::{Error, store::Store};

/// The message that another one answers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Replied {
    /// Whether it is the receiver's own; else it came from us.
    pub is_own: bool,
    /// Its id at the receiver's, if it is known there.
    pub known_as: Option<String>,
    /// What it says.
    pub text: String,
}

#[derive(FromQueryResult)]
struct Row {
    id: Uuid,
    recipient: String,
    author_jid: Option<String>,
    stanza_id: Option<String>,
    told: Option<Uuid>,
    body: String,
}

/// What the customers' lines answer that these unsent notices repeat, by the notice's id.
pub(super) async fn of_notices(
    store: &Store,
    after: i64,
    notices: &[notice::Model],
) -> Result<HashMap<Uuid, Replied>, Error> {
    let Some(last) = notices.iter().filter(|notice| notice.message_id.is_some()).map(|notice| notice.seq).max() else {
        return Ok(HashMap::new());
    };
    let sql = "SELECT n.id, n.recipient, a.jid AS author_jid, r.stanza_id, r.body, (SELECT s.id FROM notice s \
               WHERE s.ticket_id = n.ticket_id AND s.message_id = r.id AND s.recipient = n.recipient \
               ORDER BY s.seq DESC LIMIT 1) AS told \
               FROM notice n JOIN message m ON m.id = n.message_id JOIN message r ON r.id = m.reply_to \
               LEFT JOIN agent a ON r.author = 'agent' AND a.id = r.author_id \
               WHERE n.sent_at IS NULL AND n.seq > $1 AND n.seq <= $2 AND r.visibility = 'public' AND r.retracted_at IS NULL";
    let statement = Statement::from_sql_and_values(store.backend(), sql, [after.into(), last.into()]);
    let rows = Row::find_by_statement(statement).all(store.house()).await?;
    Ok(rows.into_iter().map(Row::read).collect())
}

impl Row {
    fn read(self) -> (Uuid, Replied) {
        let is_own = self.author_jid.as_ref() == Some(&self.recipient);
        let known_as = if is_own { self.stanza_id } else { self.told.map(|id| id.to_string()) };
        (self.id, Replied { is_own, known_as, text: self.body })
    }
}

/// The message of a ticket that an agent's chat client knows by this id: the agent's own line, or one that it was told.
pub(in crate::helpdesk) async fn known_to_agent(
    store: &Store,
    ticket: Uuid,
    agent: &str,
    stanza_id: &str,
) -> Result<Option<Uuid>, Error> {
    let own = message::Entity::find()
        .filter(message::Column::TicketId.eq(ticket))
        .filter(message::Column::Author.eq(Author::Agent))
        .filter(message::Column::AuthorId.eq(agent))
        .filter(message::Column::StanzaId.eq(stanza_id))
        .filter(message::Column::Visibility.eq(Visibility::Public))
        .order_by_desc(message::Column::Seq)
        .one(store.read())
        .await?;
    if let Some(own) = own {
        return Ok(Some(own.id));
    }
    let Ok(id) = Uuid::try_parse(stanza_id) else { return Ok(None) };
    let told = notice::Entity::find_by_id(id).filter(notice::Column::TicketId.eq(ticket)).one(store.read()).await?;
    Ok(told.and_then(|told| told.message_id))
}
