//! Every line that Deskbridge itself says to a customer, in the desk's language and words.
//!
//! A text is a template with placeholders in braces, such as `{hours}`; `{{` and `}}` are braces. The languages are
//! tables (`en`, `de`) that the compiler keeps complete; a desk replaces single texts. What is replaced by nothing
//! (`""`) is not said, where silence breaks no promise.

mod de;
mod en;
mod template;
#[cfg(test)]
mod tests;
mod text;
mod ticket;
mod waiting;

use std::{collections::BTreeMap, str::FromStr};

use chrono::{Datelike, NaiveDate};

use template::Template;
pub use template::TextError;
pub use text::Text;
pub use waiting::Wait;

/// The subject of a ticket in which nothing was said yet.
pub(in crate::helpdesk) const NAMELESS: &str = "…";

/// A language that the texts come in.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Language {
    /// English.
    #[default]
    English,
    /// German.
    German,
}

impl Language {
    /// All of them.
    pub const ALL: [Self; 2] = [Self::English, Self::German];

    /// Its code in BCP 47, as for `xml:lang`.
    #[must_use]
    pub fn code(self) -> &'static str {
        match self {
            Self::English => "en",
            Self::German => "de",
        }
    }

    pub(crate) fn text(self, text: Text) -> &'static str {
        match self {
            Self::English => en::text(text),
            Self::German => de::text(text),
        }
    }
}

impl FromStr for Language {
    type Err = String;

    fn from_str(code: &str) -> Result<Self, String> {
        Self::ALL.into_iter().find(|language| language.code() == code).ok_or_else(|| {
            let known: Vec<&str> = Self::ALL.into_iter().map(Self::code).collect();
            format!("there are no texts in '{code}', only in {}; any can be replaced under texts", known.join(", "))
        })
    }
}

/// A desk's texts.
#[derive(Clone, Debug)]
pub struct Texts {
    language: Language,
    /// In the order of [`Text::ALL`].
    templates: Vec<Template>,
}

impl Default for Texts {
    fn default() -> Self {
        Self::of(Language::default())
    }
}

impl Texts {
    /// A language's texts as they are.
    #[must_use]
    pub fn of(language: Language) -> Self {
        let templates = Text::ALL.into_iter().map(|text| Template::known(text, language.text(text))).collect();
        Self { language, templates }
    }

    /// A language's texts, some of them replaced: key (see [`Text::key`]) and text.
    ///
    /// # Errors
    /// [`TextError`] names the key that is unknown, has an unknown placeholder, or must not be empty.
    pub fn with(language: Language, replaced: &BTreeMap<String, String>) -> Result<Self, TextError> {
        let mut texts = Self::of(language);
        for (key, given) in replaced {
            let known = Text::ALL.into_iter().zip(&mut texts.templates).find(|(text, _)| text.key() == key);
            let (text, template) = known.ok_or_else(|| TextError::new(key, "there is no such text"))?;
            *template = Template::parse(text, given)?;
        }
        Ok(texts)
    }

    /// The language.
    #[must_use]
    pub fn language(&self) -> Language {
        self.language
    }

    /// The first line to a customer who has never written to the desk; `title` is the desk's.
    #[must_use]
    pub fn greeting(&self, title: &str) -> Option<String> {
        self.said(Text::Greeting, &[("desk", title)])
    }

    /// Encrypted messages cannot be read.
    #[must_use]
    pub fn encrypted(&self) -> String {
        self.fill(Text::Encrypted, &[])
    }

    /// A message was taken back: for clients that do not know how to hide it.
    #[must_use]
    pub fn taken_back(&self) -> String {
        self.fill(Text::TakenBack, &[])
    }

    /// The one warning before messages are dropped; `per_minute` is the limit.
    #[must_use]
    pub fn too_fast(&self, per_minute: u32) -> String {
        self.fill(Text::TooFast, &[("limit", &per_minute.to_string())])
    }

    /// No more new tickets today; `per_day` is the limit.
    #[must_use]
    pub fn too_many_tickets(&self, per_day: u32) -> String {
        self.fill(Text::TooManyTickets, &[("limit", &per_day.to_string())])
    }

    /// A command that takes no text was written with one.
    #[must_use]
    pub fn stands_alone(&self, word: &str) -> String {
        self.fill(Text::StandsAlone, &[("word", word)])
    }

    /// A file was not kept; `name` is what its sender called it.
    #[must_use]
    pub fn file_refused(&self, name: Option<&str>) -> String {
        let nameless = self.fill(Text::YourFile, &[]);
        self.fill(Text::FileRefused, &[("file", name.unwrap_or(&nameless))])
    }

    /// A day, as the language writes it.
    #[must_use]
    pub fn date(&self, day: NaiveDate) -> String {
        let (year, month, date) = (day.year().to_string(), format!("{:02}", day.month()), format!("{:02}", day.day()));
        self.fill(Text::Date, &[("year", &year), ("month", &month), ("day", &date)])
    }

    /// What the built-in default says once in a ticket: no model is configured.
    #[must_use]
    pub fn no_model(&self) -> Option<String> {
        self.said(Text::NoModel, &[])
    }

    /// The built-in default's answer to a greeting.
    #[must_use]
    pub fn hello(&self) -> String {
        self.fill(Text::Hello, &[])
    }

    /// The built-in default's answer to thanks.
    #[must_use]
    pub fn welcome(&self) -> String {
        self.fill(Text::Welcome, &[])
    }

    /// The built-in default found no page, before it hands off.
    #[must_use]
    pub fn nothing_found(&self) -> String {
        self.fill(Text::NothingFound, &[])
    }

    /// An answer takes long.
    #[must_use]
    pub fn still_looking(&self) -> String {
        self.fill(Text::StillLooking, &[])
    }

    /// The status line of a desk where the assistant answers and no person is there (presence `away`).
    #[must_use]
    pub fn status_away(&self) -> String {
        self.fill(Text::StatusAway, &[])
    }

    /// The status line of a desk where no assistant answers and no person is there (presence `xa`).
    #[must_use]
    pub fn status_off(&self) -> String {
        self.fill(Text::StatusOff, &[])
    }

    /// The list of plain words.
    #[must_use]
    pub fn help(&self) -> String {
        self.fill(Text::Help, &[])
    }

    /// A word that is no command; `near` is one that may be meant.
    #[must_use]
    pub fn unknown(&self, word: &str, near: Option<&str>) -> String {
        match near {
            Some(near) => self.fill(Text::UnknownNear, &[("word", word), ("near", near)]),
            None => self.fill(Text::UnknownWord, &[("word", word)]),
        }
    }

    /// Everything of the customer is gone; `count` tickets were.
    #[must_use]
    pub fn erased(&self, count: usize) -> String {
        self.fill(Text::Erased, &[("count", &count.to_string())])
    }

    /// An agent takes the ticket to a room.
    #[must_use]
    pub fn room_invitation(&self, agent: &str, room: &str) -> String {
        self.fill(Text::RoomInvitation, &[("agent", agent), ("room", room)])
    }

    /// A text without values.
    #[must_use]
    pub fn plain(&self, text: Text) -> String {
        self.fill(text, &[])
    }

    /// A text that may be none.
    fn said(&self, text: Text, values: &[(&str, &str)]) -> Option<String> {
        Some(self.fill(text, values)).filter(|line| !line.is_empty())
    }

    fn fill(&self, text: Text, values: &[(&str, &str)]) -> String {
        // Both are in the order of declaration, which the tests hold them to.
        self.templates.get(text as usize).map(|template| template.fill(values)).unwrap_or_default()
    }
}
