//! Data forms (XEP-0004), as far as commands need them. Pure.

use rxml::{NcName, xml_ncname};
use xmpp_parsers::{
    minidom::{Element, Node, element::ElementBuilder},
    ns,
};

use crate::xmpp::outgoing::sanitize;

/// Fields of a filled-in form that are looked at; ours have three at most.
const MAX_FIELDS: usize = 32;
/// Values of one field that are looked at: lines of a text.
const MAX_VALUES: usize = 4096;

/// A form to fill in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Form {
    /// What it is.
    pub title: String,
    /// What to do, if that needs words.
    pub instructions: Option<String>,
    /// What to fill in.
    pub fields: Vec<Field>,
}

/// One field.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Field {
    /// Its name on the wire.
    pub var: &'static str,
    /// Its name for people.
    pub label: String,
    /// What goes into it.
    pub kind: Kind,
    /// Whether it must be filled in.
    pub is_required: bool,
    /// What it holds at first.
    pub value: Option<String>,
}

/// What goes into a field (XEP-0004 §3.3).
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Kind {
    /// One line.
    Line,
    /// A text.
    Text,
    /// One of these: value and name.
    Choice(Vec<(&'static str, String)>),
    /// Yes or no.
    YesNo,
}

impl Kind {
    const fn word(&self) -> &'static str {
        match self {
            Self::Line => "text-single",
            Self::Text => "text-multi",
            Self::Choice(_) => "list-single",
            Self::YesNo => "boolean",
        }
    }
}

impl Form {
    /// As it is sent.
    #[must_use]
    pub fn element(&self) -> Element {
        let mut form = data("form").append(part("title", &self.title));
        if let Some(instructions) = &self.instructions {
            form = form.append(part("instructions", instructions));
        }
        form.append_all(self.fields.iter().map(Field::element)).build()
    }
}

impl Field {
    fn element(&self) -> Element {
        let mut field = Element::builder("field", ns::DATA_FORMS)
            .attr(var(), self.var)
            .attr(xml_ncname!("type").to_owned(), self.kind.word())
            .attr(xml_ncname!("label").to_owned(), &*sanitize(&self.label));
        if self.is_required {
            field = field.append(Element::bare("required", ns::DATA_FORMS));
        }
        field = field.append_all(self.value.as_deref().map(|value| part("value", value)));
        if let Kind::Choice(options) = &self.kind {
            field = field.append_all(options.iter().map(|(value, label)| {
                Element::builder("option", ns::DATA_FORMS)
                    .attr(xml_ncname!("label").to_owned(), &*sanitize(label))
                    .append(part("value", value))
                    .build()
            }));
        }
        field.build()
    }
}

/// A result: a text of several lines under a title.
#[must_use]
pub fn result(title: &str, text: &str) -> Element {
    let text = sanitize(text);
    let field = Element::builder("field", ns::DATA_FORMS)
        .attr(var(), "text")
        .attr(xml_ncname!("type").to_owned(), "text-multi")
        .attr(xml_ncname!("label").to_owned(), &*sanitize(title))
        .append_all(text.lines().map(|line| {
            let words = (!line.is_empty()).then_some(Node::Text(line.to_owned()));
            Element::builder("value", ns::DATA_FORMS).append_all(words).build()
        }))
        .build();
    data("result").append(part("title", title)).append(field).build()
}

fn data(kind: &str) -> ElementBuilder {
    Element::builder("x", ns::DATA_FORMS).attr(xml_ncname!("type").to_owned(), kind)
}

fn var() -> NcName {
    xml_ncname!("var").to_owned()
}

fn part(name: &str, text: &str) -> Element {
    Element::builder(name, ns::DATA_FORMS).append(&*sanitize(text)).build()
}

/// A form that somebody filled in, as it came: anything may stand in it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Filled {
    /// Names and values, each once.
    values: Vec<(String, String)>,
}

impl Filled {
    /// Reads a form of the type `submit`; `None` for any other.
    #[must_use]
    pub fn read(form: &Element) -> Option<Self> {
        if !form.is("x", ns::DATA_FORMS) || form.attr("type") != Some("submit") {
            return None;
        }
        let mut filled = Self::default();
        let fields = form.children().filter(|child| child.is("field", ns::DATA_FORMS)).take(MAX_FIELDS);
        for field in fields {
            let Some(var) = field.attr("var") else { continue };
            // The first of two that have one name counts.
            if filled.value(var).is_some() {
                continue;
            }
            let values = field.children().filter(|child| child.is("value", ns::DATA_FORMS)).take(MAX_VALUES);
            let mut text = values.map(Element::text).collect::<Vec<_>>().join("\n");
            text.retain(|c| c != '\0');
            filled.values.push((var.to_owned(), text));
        }
        Some(filled)
    }

    /// What stands in a field, unless it is missing or blank.
    #[must_use]
    pub fn text(&self, var: &str) -> Option<&str> {
        self.value(var).map(str::trim).filter(|text| !text.is_empty())
    }

    /// Whether a box is ticked (XEP-0004 §3.3).
    #[must_use]
    pub fn is_yes(&self, var: &str) -> bool {
        matches!(self.text(var), Some("1" | "true"))
    }

    fn value(&self, var: &str) -> Option<&str> {
        self.values.iter().find(|(name, _)| name == var).map(|(_, text)| text.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_form_is_written_as_the_standard_has_it() {
        let form = Form {
            title: "Erase".to_owned(),
            instructions: Some("Sure?".to_owned()),
            fields: vec![
                Field {
                    var: "sure",
                    label: "Yes".to_owned(),
                    kind: Kind::YesNo,
                    is_required: true,
                    value: Some("0".to_owned()),
                },
                Field {
                    var: "how",
                    label: "How".to_owned(),
                    kind: Kind::Choice(vec![("soft", "Softly".to_owned())]),
                    is_required: false,
                    value: None,
                },
            ],
        };
        let expected: Element = "<x xmlns='jabber:x:data' type='form'><title>Erase</title><instructions>Sure?\
            </instructions><field var='sure' type='boolean' label='Yes'><required/><value>0</value></field><field \
            var='how' type='list-single' label='How'><option label='Softly'><value>soft</value></option></field></x>"
            .parse()
            .unwrap();
        assert_eq!(form.element(), expected);
    }

    #[test]
    fn a_result_has_a_value_for_each_line() {
        let expected: Element = "<x xmlns='jabber:x:data' type='result'><title>Queue</title><field var='text' \
            type='text-multi' label='Queue'><value>one</value><value/><value>three \u{fffd}</value></field></x>"
            .parse()
            .unwrap();
        assert_eq!(result("Queue", "one\n\nthree \u{b}"), expected);
    }

    #[test]
    fn whatever_stands_in_a_form_is_read_or_left_out() {
        let read = |xml: &str| Filled::read(&format!("<x xmlns='jabber:x:data' {xml}</x>").parse().unwrap());
        let filled = read(
            "type='submit'><field var='text' type='text-multi'><value>one</value><value>two</value></field><field \
             var='text'><value>again</value></field><field><value>nameless</value></field><field var='sure'><value> \
             true </value></field><field var='no'><value>yes</value></field><field var='empty'/><value>lost</value>\
             <field xmlns='urn:other' var='foreign'><value>1</value></field>",
        )
        .unwrap();
        assert_eq!(filled.text("text"), Some("one\ntwo"));
        assert!(filled.is_yes("sure") && !filled.is_yes("no") && !filled.is_yes("absent"));
        assert_eq!((filled.text("empty"), filled.text("foreign"), filled.text("")), (None, None, None));
        for kind in ["form", "result", "cancel", ""] {
            assert_eq!(read(&format!("type='{kind}'>")), None, "{kind}");
        }
        let many: String = (0..100).map(|n| format!("<field var='f{n}'><value>1</value></field>")).collect();
        let filled = read(&format!("type='submit'>{many}")).unwrap();
        assert!(filled.is_yes("f31") && !filled.is_yes("f32"));
    }
}
