//! What is to be sent.

use chrono::{DateTime, Utc};
use deskbridge_entity::{message::Author, notice, presence::Source};
use jid::{BareJid, Jid};
use sea_orm::{ColumnTrait, EntityTrait, FromQueryResult, QueryFilter, QueryOrder, QuerySelect, Statement};
use uuid::Uuid;

use super::replied::{self, Replied};
use crate::helpdesk::{Error, store::Store};

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
    /// The message that it replaces (XEP-0308), as it was first sent.
    pub replaces: Option<Uuid>,
    /// The message that it answers, as the customer knows it.
    pub reply: Option<Replied>,
}

#[derive(FromQueryResult)]
struct OutgoingRow {
    id: Uuid,
    seq: i64,
    ticket_id: Uuid,
    body: String,
    author: Author,
    link: Option<String>,
    corrects: Option<Uuid>,
    reply_id: Option<Uuid>,
    reply_outbound: Option<bool>,
    reply_stanza_id: Option<String>,
    reply_body: Option<String>,
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
pub(in crate::helpdesk) async fn unsent(store: &Store, after: i64, limit: u64) -> Result<Vec<Outgoing>, Error> {
    let sql = "SELECT m.id, m.seq, m.ticket_id, m.body, m.author, m.corrects, a.url AS link, t.desk, t.customer, t.customer_resource, \
               t.customer_has_chat_states, r.available AS resource_available, r.updated_at AS resource_told_at, \
               b.available AS customer_available, b.updated_at AS customer_told_at, b.source AS customer_source, COALESCE(q.corrects, q.id) AS reply_id, q.outbound AS reply_outbound, \
               q.stanza_id AS reply_stanza_id, q.body AS reply_body \
               FROM message m JOIN ticket t ON t.id = m.ticket_id \
               LEFT JOIN presence r ON r.jid = t.customer || '/' || t.customer_resource \
               LEFT JOIN presence b ON b.jid = t.customer \
               LEFT JOIN message q ON q.id = m.reply_to AND q.visibility = 'public' AND q.retracted_at IS NULL \
               LEFT JOIN attachment a ON a.ticket_id = m.ticket_id AND a.message_id = m.id AND a.state = 'linked' \
               WHERE m.outbound AND m.sent_at IS NULL AND m.failed_at IS NULL AND m.seq > $1 \
               ORDER BY m.seq LIMIT $2";
    let limit = i64::try_from(limit).unwrap_or(i64::MAX);
    let statement = Statement::from_sql_and_values(store.backend(), sql, [after.into(), limit.into()]);
    let rows = OutgoingRow::find_by_statement(statement).all(store.house()).await?;
    Ok(rows.into_iter().filter_map(OutgoingRow::addressed).collect())
}

/// Unsent notices behind `after` in commit order, with what they answer.
pub(in crate::helpdesk) async fn unsent_notices(
    store: &Store,
    after: i64,
    limit: u64,
) -> Result<Vec<(notice::Model, Option<Replied>)>, Error> {
    let notices = notice::Entity::find()
        .filter(notice::Column::SentAt.is_null())
        .filter(notice::Column::Seq.gt(after))
        .order_by_asc(notice::Column::Seq)
        .limit(limit);
    let notices = notices.all(store.house()).await?;
    let mut replied = replied::of_notices(store, after, &notices).await?;
    Ok(notices
        .into_iter()
        .map(|notice| (replied.remove(&notice.id), notice))
        .map(|(replied, notice)| (notice, replied))
        .collect())
}

impl OutgoingRow {
    fn addressed(mut self) -> Option<Outgoing> {
        // Stored customers are bare JIDs that were parsed before; a broken row must not stop the others.
        let bare = BareJid::new(&self.customer).ok()?;
        let is_gone = self.resource_is_gone();
        let reply = self.replied();
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
            replaces: self.corrects,
            reply,
        })
    }

    /// What we said goes by our ids, what the customer said by those of its client.
    fn replied(&mut self) -> Option<Replied> {
        let is_own = !self.reply_outbound?;
        let ours = self.reply_id.filter(|_| !is_own).map(|id| id.to_string());
        let known_as = ours.or(self.reply_stanza_id.take());
        Some(Replied { is_own, known_as, text: self.reply_body.take()? })
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
                corrects: None,
                reply_id: None,
                reply_outbound: None,
                reply_stanza_id: None,
                reply_body: None,
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
}
