//! Ad-hoc commands (XEP-0050) between XML and values. Pure.

use rxml::{NcName, xml_ncname};
use xmpp_parsers::{minidom::Element, ns, stanza_error::DefinedCondition};

use super::form::Filled;
use crate::xmpp::outgoing::sanitize;

/// The namespace, which is also the node of the list.
pub const COMMANDS: &str = "http://jabber.org/protocol/commands";

/// The longest node and session id that are looked at, in bytes.
const MAX_BYTES: usize = 256;

/// What somebody asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ask {
    /// Which command; empty where none is named, which is none of ours.
    pub node: String,
    /// What to do with it; `None` is a word that the standard does not have.
    pub action: Option<Action>,
    /// Which session is gone on with; what is too long is nobody's.
    pub session: Option<String>,
    /// A form that was filled in.
    pub filled: Option<Filled>,
}

/// XEP-0050 §3.4.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Action {
    /// Begin, or go on by the default.
    #[default]
    Execute,
    /// Leave it.
    Cancel,
    /// The stage before.
    Prev,
    /// The next stage.
    Next,
    /// The last stage.
    Complete,
}

impl Ask {
    /// Reads a `command` element.
    #[must_use]
    pub fn read(command: &Element) -> Self {
        let short = |name| command.attr(name).map(|value| if value.len() <= MAX_BYTES { value } else { "" }.to_owned());
        let action = match command.attr("action") {
            None => Some(Action::default()),
            Some("execute") => Some(Action::Execute),
            Some("cancel") => Some(Action::Cancel),
            Some("prev") => Some(Action::Prev),
            Some("next") => Some(Action::Next),
            Some("complete") => Some(Action::Complete),
            Some(_) => None,
        };
        Self {
            node: short("node").unwrap_or_default(),
            action,
            session: short("sessionid"),
            filled: command.children().find_map(Filled::read),
        }
    }
}

/// Where a command has got to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Status {
    /// A form waits to be filled in.
    Executing,
    /// Done.
    Completed,
    /// Left.
    Canceled,
}

/// How a note is meant (XEP-0050 §3.3).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tone {
    /// That is so.
    Info,
    /// Mind this.
    Warn,
    /// That did not work.
    Error,
}

/// What is answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reply {
    /// Of which command.
    pub node: &'static str,
    /// Of which session.
    pub session: String,
    /// Where it has got to.
    pub status: Status,
    /// A word to the person.
    pub note: Option<(Tone, String)>,
    /// A form, or a result.
    pub form: Option<Element>,
}

impl Reply {
    /// The payload.
    #[must_use]
    pub fn element(self) -> Element {
        let status = match self.status {
            Status::Executing => "executing",
            Status::Completed => "completed",
            Status::Canceled => "canceled",
        };
        let attr = |name: NcName, value: &str| (name, value.to_owned());
        let mut command = Element::builder("command", COMMANDS);
        for (name, value) in [
            attr(xml_ncname!("node").to_owned(), self.node),
            attr(xml_ncname!("sessionid").to_owned(), &self.session),
            attr(xml_ncname!("status").to_owned(), status),
        ] {
            command = command.attr(name, value);
        }
        if self.status == Status::Executing {
            // One stage: the default action completes it.
            let actions = Element::builder("actions", COMMANDS)
                .attr(xml_ncname!("execute").to_owned(), "complete")
                .append(Element::bare("complete", COMMANDS));
            command = command.append(actions);
        }
        command = command.append_all(self.form);
        if let Some((tone, text)) = self.note {
            let tone = match tone {
                Tone::Info => "info",
                Tone::Warn => "warn",
                Tone::Error => "error",
            };
            let note =
                Element::builder("note", COMMANDS).attr(xml_ncname!("type").to_owned(), tone).append(&*sanitize(&text));
            command = command.append(note);
        }
        command.build()
    }
}

/// Why a request is refused (XEP-0050 §4.4).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// The action is no word of the standard.
    MalformedAction,
    /// The action does not fit where the command has got to.
    BadAction,
    /// A form was due and did not come.
    BadPayload,
    /// The session never was the asker's.
    BadSession,
    /// The session is over.
    SessionExpired,
    /// The asker may not.
    Forbidden,
    /// There is no such command.
    NotFound,
    /// Our fault.
    Failed,
}

impl Fault {
    /// The stanza error, and the word of XEP-0050 in it.
    #[must_use]
    pub fn conditions(self) -> (DefinedCondition, Option<&'static str>) {
        match self {
            Self::MalformedAction => (DefinedCondition::BadRequest, Some("malformed-action")),
            Self::BadAction => (DefinedCondition::BadRequest, Some("bad-action")),
            Self::BadPayload => (DefinedCondition::BadRequest, Some("bad-payload")),
            Self::BadSession => (DefinedCondition::BadRequest, Some("bad-sessionid")),
            Self::SessionExpired => (DefinedCondition::NotAllowed, Some("session-expired")),
            Self::Forbidden => (DefinedCondition::Forbidden, None),
            Self::NotFound => (DefinedCondition::ItemNotFound, None),
            Self::Failed => (DefinedCondition::InternalServerError, None),
        }
    }

    /// Puts the word of XEP-0050 into a stanza error, and beside it what was asked: clients find their session by it.
    pub fn mark(self, ask: &Ask, stanza: &mut Element) {
        let asked = Element::builder("command", COMMANDS)
            .attr(xml_ncname!("node").to_owned(), &*ask.node)
            .attr(xml_ncname!("sessionid").to_owned(), ask.session.as_deref());
        stanza.append_child(asked.build());
        if let Some(word) = self.conditions().1
            && let Some(error) = stanza.get_child_mut("error", ns::COMPONENT)
        {
            error.append_child(Element::bare(word, COMMANDS));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(attributes: &str, content: &str) -> Ask {
        Ask::read(&format!("<command xmlns='{COMMANDS}' {attributes}>{content}</command>").parse().unwrap())
    }

    #[test]
    fn what_is_asked_is_read() {
        let ask = read("node='new'", "");
        assert_eq!(ask, Ask { node: "new".to_owned(), action: Some(Action::Execute), session: None, filled: None });
        for (word, action) in [
            ("execute", Some(Action::Execute)),
            ("cancel", Some(Action::Cancel)),
            ("prev", Some(Action::Prev)),
            ("next", Some(Action::Next)),
            ("complete", Some(Action::Complete)),
            ("Complete", None),
            ("", None),
        ] {
            assert_eq!(read(&format!("node='new' action='{word}'"), "").action, action, "{word}");
        }
        let ask = read(
            "node='erase' sessionid='7' action='complete'",
            "<x xmlns='jabber:x:data' type='submit'><field var='sure'><value>1</value></field></x>",
        );
        assert_eq!(ask.session.as_deref(), Some("7"));
        assert!(ask.filled.unwrap().is_yes("sure"));
        assert_eq!(read("", "").node, "");
        let long = "x".repeat(300);
        let ask = read(&format!("node='{long}' sessionid='{long}'"), "<x xmlns='jabber:x:data' type='cancel'/>");
        assert_eq!(
            ask,
            Ask { node: String::new(), action: Some(Action::Execute), session: Some(String::new()), filled: None }
        );
    }

    #[test]
    fn a_stage_names_its_only_action() {
        let reply = Reply {
            node: "erase",
            session: "7".to_owned(),
            status: Status::Executing,
            note: Some((Tone::Warn, "Sure\u{0}?".to_owned())),
            form: Some(Element::bare("x", ns::DATA_FORMS)),
        };
        let expected: Element = format!(
            "<command xmlns='{COMMANDS}' node='erase' sessionid='7' status='executing'><actions execute='complete'>\
             <complete/></actions><x xmlns='jabber:x:data'/><note type='warn'>Sure\u{fffd}?</note></command>"
        )
        .parse()
        .unwrap();
        assert_eq!(reply.element(), expected);
    }

    #[test]
    fn the_end_has_no_actions() {
        for (status, word) in [(Status::Completed, "completed"), (Status::Canceled, "canceled")] {
            let reply = Reply { node: "new", session: "7".to_owned(), status, note: None, form: None };
            let expected: Element =
                format!("<command xmlns='{COMMANDS}' node='new' sessionid='7' status='{word}'/>").parse().unwrap();
            assert_eq!(reply.element(), expected);
        }
    }

    #[test]
    fn a_fault_is_marked_in_the_stanza_error() {
        let error = "<iq xmlns='jabber:component:accept' type='error'><error type='cancel'/></iq>";
        let mut stanza: Element = error.parse().unwrap();
        Fault::SessionExpired.mark(&read("node='erase' sessionid='7' action='next'", ""), &mut stanza);
        let expected: Element = format!(
            "<iq xmlns='jabber:component:accept' type='error'><error type='cancel'><session-expired xmlns='{COMMANDS}'/>\
             </error><command xmlns='{COMMANDS}' node='erase' sessionid='7'/></iq>"
        )
        .parse()
        .unwrap();
        assert_eq!(stanza, expected);
    }
}
