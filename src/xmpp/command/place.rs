//! What is at an address, and which commands it has for whom.

use std::sync::Arc;

use deskbridge_entity::{agent::Role, ticket};
use jid::{BareJid, Jid};
use xmpp_parsers::{minidom::Element, stanza_error::DefinedCondition};

use super::{
    Command,
    adhoc::{COMMANDS, Fault},
    fields,
    serve::{Commands, failed},
};
use crate::{
    helpdesk::{Agent, Desk, short_id_of, texts::Texts},
    xmpp::{
        outgoing::{self, Item},
        stanza,
    },
};

/// Where commands are.
pub enum Place {
    /// At a desk; with the agent, if the asker is one who answers there.
    Desk(Arc<Desk>, Option<Agent>),
    /// At a ticket, for an agent who may see it.
    Ticket(Box<ticket::Model>, Agent),
}

impl Place {
    /// Every command that is there.
    pub(super) fn commands(&self) -> Vec<Command> {
        match self {
            Self::Desk(..) => [&Command::OWN[..], &Command::AT_DESK].concat(),
            Self::Ticket(..) => Command::AT_TICKET.to_vec(),
        }
    }

    /// Whether the asker is shown it. What it may do is the domain's to say.
    pub(super) fn shows(&self, command: Command) -> bool {
        match self {
            Self::Desk(_, agent) => agent.is_some() || !Command::AT_DESK.contains(&command),
            Self::Ticket(_, agent) => command != Command::Assign || agent.role == Role::Admin,
        }
    }

    pub(super) fn texts(&self) -> Texts {
        match self {
            Self::Desk(desk, _) => desk.texts.clone(),
            // Agents read English.
            Self::Ticket(..) => Texts::default(),
        }
    }
}

impl Commands {
    /// Answers disco (XEP-0030) about the list of commands and about each; `None` for what is about something else.
    ///
    /// # Errors
    /// `item-not-found` for a command that is not there, or not for the asker.
    pub async fn browse(
        &self,
        from: &Jid,
        to: &BareJid,
        request: &stanza::Request,
    ) -> Result<Option<Element>, DefinedCondition> {
        let is_ticket = to.node().is_some_and(|node| short_id_of(node.as_str()).is_some());
        if is_ticket
            && let stanza::Request::DiscoInfo { node: None } | stanza::Request::DiscoItems { node: None } = request
            && let Place::Ticket(ticket, _) = self.place(from, to).await.map_err(|fault| fault.conditions().0)?
        {
            return Ok(Some(match request {
                stanza::Request::DiscoInfo { .. } => outgoing::ticket_info(&ticket.subject),
                _ => outgoing::disco_items([], None),
            }));
        }
        let (node, wants_items) = match request {
            stanza::Request::DiscoItems { node: Some(node) } => (node, true),
            stanza::Request::DiscoInfo { node: Some(node) } => (node, false),
            _ => return Ok(None),
        };
        let is_list = node == COMMANDS;
        if !is_list && (wants_items || Command::named(&Command::all(), node).is_none()) {
            return Ok(None);
        }
        let place = self.place(from, to).await.map_err(|fault| fault.conditions().0)?;
        let texts = place.texts();
        let shown = place.commands().into_iter().filter(|command| place.shows(*command));
        let mut shown = shown.map(|command| (command, fields::label(command, &texts)));
        if !is_list {
            let (_, label) = shown.find(|(command, _)| command.node() == node).ok_or(DefinedCondition::ItemNotFound)?;
            return Ok(Some(outgoing::command_info(node, "command-node", &label)));
        }
        if !wants_items {
            return Ok(Some(outgoing::command_info(node, "command-list", "")));
        }
        let shown: Vec<_> = shown.collect();
        let items =
            shown.iter().map(|(command, label)| Item { jid: to, node: Some(command.node()), name: Some(label) });
        Ok(Some(outgoing::disco_items(items, Some(node))))
    }

    /// What is at an address for this asker.
    pub(super) async fn place(&self, from: &Jid, to: &BareJid) -> Result<Place, Fault> {
        let node = to.node().ok_or(Fault::NotFound)?.as_str();
        let agent = self.helpdesk.agent_at(&from.to_bare()).await.map_err(|error| failed(&error))?;
        if let Some(desk) = self.helpdesk.desk(node) {
            return Ok(Place::Desk(Arc::clone(desk), agent.filter(|agent| agent.serves(&desk.name))));
        }
        // To everybody who may not see the ticket, its address does not exist.
        let (Some(short_id), Some(agent)) = (short_id_of(node), agent) else { return Err(Fault::NotFound) };
        let ticket = self.helpdesk.ticket_at(&agent.caller(), short_id).await.map_err(|error| failed(&error))?;
        Ok(Place::Ticket(Box::new(ticket), agent))
    }
}
