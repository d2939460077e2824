//! Telling what has changed in who is there: of desks, of agents, and of customers who have a live ticket.

use std::{collections::BTreeSet, sync::Arc};

use chrono::{DateTime, TimeDelta, Utc};
use deskbridge_entity::{presence::Source, presence_told};
use jid::Jid;

use crate::helpdesk::{
    Agent, Desk, Error,
    agents::{on_duty, wants_talk},
    appearance::{Appearance, Teller, Who},
    presence::seen_of,
    unit::{Needs, Unit},
    writer::Operation,
};

/// Of one JID nothing is told for so long after what was told: of a client that comes and goes all the time what it shows then.
/// What the staff and programs say of somebody is told with the word, and waits for nothing.
const PAUSE: TimeDelta = TimeDelta::seconds(30);

/// Tells what was not told yet of all desks and agents, of these bare JIDs, and of those that are to be looked at again.
pub(in crate::helpdesk) struct TellAppearances {
    pub of: BTreeSet<String>,
    /// With their addresses.
    pub desks: Vec<(Arc<Desk>, Jid)>,
}

impl Operation for TellAppearances {
    type Output = Vec<Appearance>;

    fn needs(&self, needs: &mut Needs) {
        needs.people = true;
        needs.appearances.again = true;
        needs.appearances.of.extend(self.of.iter().cloned());
        needs.appearances.of.extend(self.desks.iter().map(|(_, jid)| jid.to_string()));
    }

    fn apply(&self, unit: &mut Unit) -> Result<Vec<Appearance>, Error> {
        let mut agents = agents(unit);
        let mut customers: BTreeSet<String> = unit.appearances.known();
        customers.extend(self.of.iter().cloned());
        let mut told = Vec::new();
        for agent in &mut agents {
            let Some(jid) = agent.jid.as_ref().map(ToString::to_string) else { continue };
            told.extend(tell(unit, Appearance::of_agent(agent, &jid, unit.appearances.shown_by(&jid))));
            // A desk is told of by what its agents are told of: what is held back of one is held back of both.
            agent.is_present = unit.appearances.told_of(&jid).and_then(|told| told.on_duty).unwrap_or(false);
            customers.remove(&jid);
        }
        for (desk, jid) in &self.desks {
            let row = unit.appearances.shown_by(jid.as_str()).first();
            let on_duty = on_duty(&agents, &desk.name);
            let (presence, source) = seen_of(desk, jid.clone(), row, on_duty);
            told.extend(tell(unit, Appearance::of_desk(&desk.name, presence, source, on_duty)));
            customers.remove(jid.as_str());
        }
        for jid in customers {
            let (desks, shown) = (unit.appearances.live_at(&jid), unit.appearances.shown_by(&jid));
            if desks.is_empty() {
                // Nobody could act on it.
                unit.appearances.drop(&jid);
            } else if !shown.is_empty() || unit.appearances.told_of(&jid).is_some() {
                told.extend(tell(unit, Appearance::of_customer(&jid, shown, desks)));
            }
        }
        Ok(told)
    }
}

/// As their clients are stored: what the batch knows of them beside is of single clients.
fn agents(unit: &Unit) -> Vec<Agent> {
    let there = |jid: &str| {
        let mut clients = unit.appearances.shown_by(jid).iter().filter(|row| row.source == Source::Xmpp);
        clients.any(|row| row.available && wants_talk(row.show.as_deref()))
    };
    let mut agents = unit.agents.clone();
    for agent in &mut agents {
        agent.is_present = agent.jid.as_ref().is_some_and(|jid| there(jid.as_str()));
    }
    agents
}

/// Tells what is new, now or later. Gives what is told now.
fn tell(unit: &mut Unit, seen: Appearance) -> Option<Appearance> {
    let told = unit.appearances.told_of(&seen.jid).cloned();
    let is_said = match &seen.who {
        Who::Agent(_) => seen.source == Teller::Duty,
        Who::Customer => false,
        // It follows from what was said, or from agents whose coming and going waits.
        Who::Desk => true,
    };
    // What the staff has said does not flap, nor does it go with a link.
    let is_future = |at: &DateTime<Utc>| !is_said && *at > unit.now;
    if told.as_ref().and_then(|told| told.look_at).is_some_and(|at| is_future(&at)) {
        return None;
    }
    let row = presence_told::Model {
        jid: seen.jid.clone(),
        available: seen.available,
        show: seen.show.clone(),
        text: seen.text.clone(),
        on_duty: seen.on_duty,
        told_at: None,
        look_at: None,
    };
    if seen.is_known(told.as_ref()) {
        let told_at = told.as_ref().and_then(|told| told.told_at);
        let row = presence_told::Model { told_at, ..row };
        if told.as_ref() != Some(&row) {
            unit.appearances.tell(row);
        }
        return None;
    }
    let next = told.as_ref().and_then(|told| told.told_at).map(|at| at + PAUSE).filter(is_future);
    if let (Some(told), Some(_)) = (told, next) {
        unit.appearances.tell(presence_told::Model { look_at: next, ..told });
        return None;
    }
    unit.appearances.tell(presence_told::Model { told_at: Some(unit.now), ..row });
    unit.event("presence.updated", None, None, seen.noted());
    Some(seen)
}
