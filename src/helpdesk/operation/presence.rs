//! Who is there, and who watches a desk.

use chrono::TimeDelta;
use deskbridge_entity::{
    agent::Duty,
    presence::{self, Source},
    presence_told,
};
use jid::BareJid;
use sea_orm::{
    ColumnTrait, Condition, EntityTrait, QueryFilter,
    sea_query::{Expr, ExprTrait},
};

use super::hand_off::waits;
use crate::helpdesk::{
    Error,
    agents::wants_talk,
    appearance::{Appearance, main_row},
    audit::Deed,
    ticket_node,
    unit::{Needs, Unit},
    writer::Operation,
};

/// What is known of one JID.
#[derive(Clone, Debug)]
pub struct Presence {
    /// Full or bare.
    pub jid: jid::Jid,
    /// Whether it can be reached.
    pub available: bool,
    /// `chat`, `away`, `dnd` or `xa`; `None` is plainly available.
    pub show: Option<String>,
    /// Free text.
    pub text: Option<String>,
}

/// Notes a presence.
pub(in crate::helpdesk) struct SetPresence {
    pub presence: Presence,
    pub source: Source,
    /// Whether the staff or a program says it of a person: what that changes is told with it.
    pub at_once: bool,
    /// What is noted of it, where the staff tells.
    pub deed: Option<Deed>,
}

impl Operation for SetPresence {
    /// What is told at once.
    type Output = Option<Appearance>;

    fn needs(&self, needs: &mut Needs) {
        needs.people = true;
        if self.at_once {
            needs.appearances.of.insert(self.presence.jid.to_bare().to_string());
        }
        if self.presence.available && self.source == Source::Xmpp {
            needs.comers.insert(self.presence.jid.to_bare().to_string());
        }
    }

    fn apply(&self, unit: &mut Unit) -> Result<Option<Appearance>, Error> {
        let bare = self.presence.jid.to_bare();
        unit.appearances.moved.insert(bare.to_string());
        // What a program tells over REST puts nobody on duty.
        let comer = unit.agents.iter().position(|agent| agent.jid.as_ref() == Some(&bare));
        if let Some(agent) = comer.filter(|_| self.source == Source::Xmpp) {
            unit.duty_changed = true;
            self.welcome(unit, agent);
        }
        let Presence { jid, available, show, text } = &self.presence;
        let row = presence::Model {
            jid: jid.to_string(),
            bare: bare.to_string(),
            available: *available,
            show: show.clone(),
            text: text.clone(),
            source: self.source,
            updated_at: unit.now,
        };
        let before = shown(unit, &bare);
        unit.appearances.show(&row);
        unit.set_presence(row);
        Ok(if self.at_once && shown(unit, &bare) != before { tell(unit, &bare) } else { None })
    }

    fn deed(&self, _: &Option<Appearance>, _: &Unit) -> Option<Deed> {
        self.deed.clone()
    }
}

/// What speaks for a bare JID.
fn shown(unit: &Unit, bare: &BareJid) -> Option<(bool, Option<String>)> {
    main_row(unit.appearances.shown_by(bare.as_str())).map(|row| (row.available, row.show.clone()))
}

/// Tells of somebody, whomever, what is another now than it was; but for a customer of whom just that was told last.
fn tell(unit: &mut Unit, bare: &BareJid) -> Option<Appearance> {
    let jid = bare.as_str();
    let seen = Appearance::of_customer(jid, unit.appearances.shown_by(jid), unit.appearances.live_at(jid));
    let agent = unit.agents.iter().find(|agent| agent.jid.as_ref() == Some(bare));
    let is_live = seen.desks.as_ref().is_some_and(|desks| !desks.is_empty());
    let seen = match agent {
        Some(agent) => seen.of(agent),
        None if is_live => {
            let told = unit.appearances.told_of(jid);
            if seen.is_known(told) {
                return None;
            }
            let look_at = told.and_then(|told| told.look_at);
            // What the clients show is compared with this from now on.
            unit.appearances.tell(presence_told::Model {
                jid: seen.jid.clone(),
                available: seen.available,
                show: seen.show.clone(),
                text: None,
                on_duty: None,
                told_at: Some(unit.now),
                look_at,
            });
            seen
        }
        None => seen,
    };
    unit.event("presence.updated", None, None, seen.noted());
    Some(seen)
}

impl SetPresence {
    /// An agent who comes on duty learns what waits: what was told before has not reached the agent.
    fn welcome(&self, unit: &mut Unit, agent: usize) {
        let is_present = self.presence.available && wants_talk(self.presence.show.as_deref());
        // For what else the same batch has of this agent.
        let was_present = std::mem::replace(&mut unit.agents[agent].is_present, is_present);
        let comes = is_present && !was_present && unit.agents[agent].duty == Duty::Auto;
        let Some(jid) = unit.agents[agent].jid.clone().filter(|_| comes) else { return };
        let first = unit.queue_of(&unit.agents[agent].id);
        for row in &first {
            unit.notify(ticket_node(&row.short_id), &jid, Some(row.id), None, waits(row));
        }
        for (desk, waiting) in unit.waiting_at(&unit.agents[agent]) {
            let told = first.iter().filter(|row| row.desk == desk).count() as u64;
            let text = match waiting.saturating_sub(told) {
                0 => continue,
                1 => "One more ticket waits for a person here. /queue shows it.".to_owned(),
                n => format!("{n} more tickets wait for a person here. /queue lists them."),
            };
            unit.notify(desk, &jid, None, None, text);
        }
    }
}

/// After a new link, how long those have to show themselves again of whom it was told that they are there.
const SETTLES: TimeDelta = TimeDelta::seconds(60);

/// Forgets what the XMPP server said: a new link learns it anew. Who was there is taken to be, until that has settled.
pub(in crate::helpdesk) struct ForgetXmppPresence;

impl Operation for ForgetXmppPresence {
    type Output = ();

    fn needs(&self, _: &mut Needs) {}

    fn apply(&self, unit: &mut Unit) -> Result<(), Error> {
        unit.run(&presence::Entity::delete_many().filter(presence::Column::Source.eq(Source::Xmpp)));
        use presence_told::Column::{Available, LookAt, OnDuty};
        let there = Condition::any().add(OnDuty.eq(true)).add(OnDuty.is_null().and(Available.eq(true)));
        let look = |at| presence_told::Entity::update_many().col_expr(LookAt, Expr::value(at));
        // All others at once, of whom some may be nobody's business by now.
        unit.run(&look(unit.now));
        unit.run(&look(unit.now + SETTLES).filter(there));
        Ok(())
    }
}

/// Somebody may see a desk's presence from now on, or no longer.
pub(in crate::helpdesk) struct SetSubscription {
    pub desk: String,
    pub contact: BareJid,
    pub subscribed: bool,
}

impl Operation for SetSubscription {
    type Output = ();

    fn needs(&self, _: &mut Needs) {}

    fn apply(&self, unit: &mut Unit) -> Result<(), Error> {
        unit.set_subscription(&self.desk, self.contact.to_string(), self.subscribed);
        Ok(())
    }
}
