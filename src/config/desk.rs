//! `[[desk]]`: a support address and everything that is its own.

#[cfg(test)]
mod tests;

use std::{collections::BTreeMap, fmt, path::PathBuf, time::Duration};

use jid::BareJid;
use serde::{
    Deserialize, Deserializer,
    de::{MapAccess, Visitor, value::MapAccessDeserializer},
};

use super::{
    Error,
    value::{Timeout, boolean, list, list_with_commas, optional_duration, optional_number},
};

/// `[[desk]]`. What is not given has the domain's default, which `deskbridge.example.toml` lists.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Desk {
    /// The localpart of its address.
    pub name: String,
    /// What people call it.
    #[serde(default)]
    pub title: Option<String>,
    /// What it is for, as customers' clients show it.
    #[serde(default)]
    pub description: Option<String>,
    /// Its picture: a PNG or JPEG file of at most 64 KiB.
    #[serde(default)]
    pub avatar: Option<PathBuf>,
    /// Instructions of its own for the assistant.
    #[serde(default)]
    pub prompt: Option<String>,
    /// A folder of Markdown files that the assistant answers from.
    #[serde(default)]
    pub knowledge: Option<PathBuf>,
    /// Whether the assistant answers here; else every ticket goes straight to people.
    #[serde(default = "yes", deserialize_with = "boolean")]
    pub assistant: bool,
    /// Whether pages are proposed from what agents answer; needs `knowledge`.
    #[serde(default, deserialize_with = "boolean")]
    pub learning: bool,
    /// How long after a customer's last line an answer is due; without it, `assistant.quiet_window` counts.
    #[serde(default, deserialize_with = "optional_duration")]
    pub quiet_window: Option<Duration>,
    /// After how long an answer that is still being made is announced by a line; without it, never.
    #[serde(default)]
    pub still_looking_after: Option<Timeout>,
    /// How long after its resolution a ticket reopens when the customer writes.
    #[serde(default, deserialize_with = "optional_duration")]
    pub reopen_window: Option<Duration>,
    /// How long an agent may owe an answer before the ticket goes back to the others.
    #[serde(default)]
    pub claim_timeout: Option<Timeout>,
    /// How long a customer may owe an answer before being asked once more.
    #[serde(default)]
    pub nudge_after: Option<Timeout>,
    /// How long after that a ticket without an answer is resolved.
    #[serde(default, deserialize_with = "optional_duration")]
    pub resolve_after: Option<Duration>,
    /// How long a ticket stays after it was closed; without it, for ever.
    #[serde(default)]
    pub retention: Option<Timeout>,
    /// Weekly hours such as `Mon-Fri 09:00-17:00`; none is always open.
    #[serde(default, deserialize_with = "list_with_commas")]
    pub hours: Vec<String>,
    /// The IANA time zone of the hours, such as `Europe/Berlin`.
    #[serde(default)]
    pub time_zone: Option<String>,
    /// Days such as `2026-12-25` on which no hours begin.
    #[serde(default, deserialize_with = "list")]
    pub holidays: Vec<String>,
    /// The language of its own texts, such as `en`.
    #[serde(default)]
    pub language: Option<String>,
    /// Texts that replace the language's.
    #[serde(default)]
    pub texts: BTreeMap<String, String>,
    /// Who answers here.
    #[serde(default, deserialize_with = "list")]
    pub agents: Vec<Agent>,
    /// How much may be asked for.
    #[serde(default)]
    pub limits: DeskLimits,
}

fn yes() -> bool {
    true
}

/// An agent of a desk: a JID, or a table with a JID and a name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Agent {
    /// The agent's own address, on a domain that is not ours.
    pub jid: BareJid,
    /// What colleagues call the agent.
    pub name: Option<String>,
}

/// `[desk.limits]`; 0 is no limit. What is not given has the domain's default.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct DeskLimits {
    /// Messages of one customer in a minute.
    #[serde(deserialize_with = "optional_number")]
    pub messages_per_minute: Option<usize>,
    /// New tickets of one customer in a day.
    #[serde(deserialize_with = "optional_number")]
    pub new_tickets_per_day: Option<usize>,
    /// Answers of the assistant in a ticket, until a person has had it.
    #[serde(deserialize_with = "optional_number")]
    pub answers_per_ticket: Option<usize>,
    /// Tokens of the language model for one customer in a day.
    #[serde(deserialize_with = "optional_number")]
    pub tokens_per_customer_day: Option<usize>,
    /// Tokens of the language model for all customers in a month.
    #[serde(deserialize_with = "optional_number")]
    pub tokens_per_desk_month: Option<usize>,
}

impl Desk {
    /// A desk with nothing but a name.
    #[must_use]
    pub fn named(name: &str) -> Self {
        Self {
            name: name.to_owned(),
            title: None,
            description: None,
            avatar: None,
            prompt: None,
            knowledge: None,
            assistant: true,
            learning: false,
            quiet_window: None,
            still_looking_after: None,
            reopen_window: None,
            claim_timeout: None,
            nudge_after: None,
            resolve_after: None,
            retention: None,
            hours: Vec::new(),
            time_zone: None,
            holidays: Vec::new(),
            language: None,
            texts: BTreeMap::new(),
            agents: Vec::new(),
            limits: DeskLimits::default(),
        }
    }

    /// Checks what needs no other desk. `key` is where it stands, such as `desk[0]`; `domain` is ours.
    pub(super) fn check(&self, key: &str, domain: Option<&str>) -> Result<(), Error> {
        let address = BareJid::new(&format!("{}@localhost", self.name))
            .map_err(|error| Error::key(format!("{key}.name"), error.to_string()))?;
        if address.node().map(|node| node.as_str()) != Some(self.name.as_str()) {
            let problem = "must be the lower-case localpart of an address, such as support";
            return Err(Error::key(format!("{key}.name"), problem));
        }
        if self.learning && self.knowledge.is_none() {
            return Err(Error::key(format!("{key}.learning"), "needs a folder to write to: set knowledge, too"));
        }
        if self.resolve_after.is_some_and(|after| after.is_zero()) {
            let problem = "must leave time to answer; nudge_after = \"never\" turns both off";
            return Err(Error::key(format!("{key}.resolve_after"), problem));
        }
        for (index, agent) in self.agents.iter().enumerate() {
            let key = format!("{key}.agents[{index}]");
            // On our own domain every address is a desk or a ticket: such an agent would talk to itself.
            if domain == Some(agent.jid.domain().as_str()) {
                return Err(Error::key(key, format!("'{}' is on our own domain", agent.jid)));
            }
            if self.agents.iter().take(index).any(|other| other.jid == agent.jid) {
                return Err(Error::key(key, format!("'{}' is listed twice", agent.jid)));
            }
        }
        Ok(())
    }
}

impl<'de> Deserialize<'de> for Agent {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(AgentVisitor)
    }
}

struct AgentVisitor;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct AgentTable {
    #[serde(deserialize_with = "agent_jid")]
    jid: BareJid,
    #[serde(default)]
    name: Option<String>,
}

impl<'de> Visitor<'de> for AgentVisitor {
    type Value = Agent;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JID such as eve@example.org, or { jid = \"eve@example.org\", name = \"Eve\" }")
    }

    fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<Agent, E> {
        Ok(Agent { jid: parse_agent_jid(text)?, name: None })
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Agent, A::Error> {
        let AgentTable { jid, name } = AgentTable::deserialize(MapAccessDeserializer::new(map))?;
        Ok(Agent { jid, name: name.map(|name| name.trim().to_owned()).filter(|name| !name.is_empty()) })
    }
}

fn agent_jid<'de, D: Deserializer<'de>>(deserializer: D) -> Result<BareJid, D::Error> {
    parse_agent_jid(&String::deserialize(deserializer)?)
}

fn parse_agent_jid<E: serde::de::Error>(text: &str) -> Result<BareJid, E> {
    let jid = BareJid::new(text.trim()).map_err(|error| E::custom(format!("'{text}' is no bare JID: {error}")))?;
    if jid.node().is_none() {
        return Err(E::custom(format!("'{text}' is a domain: an agent's JID is such as eve@example.org")));
    }
    Ok(jid)
}
