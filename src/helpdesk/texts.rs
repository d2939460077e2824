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

use std::{collections::BTreeMap, str::FromStr};

use chrono::{DateTime, Datelike, NaiveDate, Utc};
use deskbridge_entity::ticket::Status;

use super::Hours;
use template::Template;
pub use template::TextError;
pub use text::Text;

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

/// What a customer who waits for a person is told.
#[derive(Clone, Copy, Debug)]
pub struct Wait<'a> {
    /// How many wait before this one at the desk; `None` when it is not known.
    pub ahead: Option<u64>,
    /// The desk's hours.
    pub hours: &'a Hours,
    /// Now.
    pub now: DateTime<Utc>,
    /// Whether an agent is on duty. Outside the hours it makes no difference.
    pub on_duty: bool,
    /// Whether an assistant answers at the desk, so that something else can be asked meanwhile.
    pub assistant: bool,
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

    /// A person will answer; the place in the queue, and when.
    #[must_use]
    pub fn hand_off(&self, wait: &Wait<'_>) -> String {
        self.fill(Text::HandOff, &[("queue", &self.queue(wait)), ("hours", &self.until_then(wait))])
    }

    /// As [`Texts::hand_off`], in words that the assistant found.
    #[must_use]
    pub fn hand_off_in(&self, words: &str, wait: &Wait<'_>) -> String {
        let (queue, when) = (self.queue(wait), self.until_then(wait));
        joined([words.trim(), &queue, &when])
    }

    /// The assistant failed: a person will answer; the place in the queue, and when.
    #[must_use]
    pub fn failure(&self, wait: &Wait<'_>) -> String {
        self.fill(Text::Failure, &[("queue", &self.queue(wait)), ("hours", &self.when(wait))])
    }

    /// The place in the queue as a sentence, as for a command that asks for it. Empty when it is not known.
    #[must_use]
    pub fn queue(&self, wait: &Wait<'_>) -> String {
        match wait.ahead {
            None => String::new(),
            Some(0) => self.fill(Text::NextInLine, &[]),
            Some(ahead) => self.fill(Text::Queue, &[("ahead", &ahead.to_string())]),
        }
    }

    /// When somebody is there, as a sentence. Empty when it is always open and somebody is on duty.
    #[must_use]
    pub fn when(&self, wait: &Wait<'_>) -> String {
        let hours = self.week(wait.hours);
        if !wait.hours.is_open(wait.now) {
            return match self.opening(wait.hours, wait.now) {
                Some(opening) => self.fill(Text::OutOfHours, &[("opening", &opening), ("hours", &hours)]),
                None => self.fill(Text::Closed, &[]),
            };
        }
        if !wait.on_duty {
            return self.fill(Text::NobodyOnDuty, &[("hours", &hours)]);
        }
        if hours.is_empty() { String::new() } else { self.fill(Text::Hours, &[("hours", &hours)]) }
    }

    /// When somebody is there, and where nobody is, what the assistant can do until then.
    fn until_then(&self, wait: &Wait<'_>) -> String {
        let when = self.when(wait);
        let is_manned = wait.on_duty && wait.hours.is_open(wait.now);
        if is_manned || !wait.assistant {
            return when;
        }
        joined([&when, &self.fill(Text::AskMeMeanwhile, &[])])
    }

    /// As [`Texts::queue`] and [`Texts::when`] together, without the hours while somebody is there.
    #[must_use]
    pub fn place(&self, wait: &Wait<'_>) -> String {
        let is_manned = wait.on_duty && wait.hours.is_open(wait.now);
        let when = if is_manned { String::new() } else { self.when(wait) };
        joined([&self.queue(wait), &when])
    }

    /// The week's hours, such as `Mon–Fri 09:00–17:00 (Europe/Berlin)`; empty when it is always open.
    #[must_use]
    pub fn week(&self, hours: &Hours) -> String {
        let days = self.fill(Text::Days, &[]);
        let mut days = days.split_whitespace();
        hours.describe_with(std::array::from_fn(|_| days.next().unwrap_or_default()))
    }

    /// The next opening by the desk's clock, such as `tomorrow at 09:00`; `None` when it is open or stays closed.
    #[must_use]
    pub fn opening(&self, hours: &Hours, now: DateTime<Utc>) -> Option<String> {
        let opening = hours.next_opening(now)?;
        let time = opening.format("%H:%M").to_string();
        let day = opening.date_naive();
        let weekdays = self.fill(Text::Weekdays, &[]);
        let weekday =
            weekdays.split_whitespace().nth(day.weekday().num_days_from_monday() as usize).unwrap_or_default();
        Some(match (day - hours.local(now).date_naive()).num_days() {
            0 => self.fill(Text::Today, &[("time", &time)]),
            1 => self.fill(Text::Tomorrow, &[("time", &time)]),
            // In a week the day has the same name as today.
            2..=6 => self.fill(Text::OnWeekday, &[("weekday", weekday), ("time", &time)]),
            _ => {
                let (year, month) = (day.year().to_string(), format!("{:02}", day.month()));
                let date = format!("{:02}", day.day());
                let parts = [("weekday", weekday), ("year", &year), ("month", &month), ("day", &date), ("time", &time)];
                self.fill(Text::OnDate, &parts)
            }
        })
    }

    /// The one question before a ticket that waits for the customer is resolved.
    #[must_use]
    pub fn nudge(&self) -> String {
        self.fill(Text::Nudge, &[])
    }

    /// The ticket was resolved because the customer did not answer.
    #[must_use]
    pub fn resolved_idle(&self) -> Option<String> {
        self.said(Text::ResolvedIdle, &[])
    }

    /// An agent resolved the ticket.
    #[must_use]
    pub fn resolved(&self) -> Option<String> {
        self.said(Text::Resolved, &[])
    }

    /// The customer resolved the ticket.
    #[must_use]
    pub fn resolved_by_you(&self) -> String {
        self.fill(Text::ResolvedByYou, &[])
    }

    /// An agent gave the ticket back to the assistant.
    #[must_use]
    pub fn released(&self) -> Option<String> {
        self.said(Text::Released, &[])
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

    /// A new ticket begins by command: what is it about?
    #[must_use]
    pub fn new_ticket(&self) -> String {
        self.fill(Text::NewTicket, &[])
    }

    /// The same, where the one before waited for a person: its subject.
    #[must_use]
    pub fn new_instead(&self, subject: &str) -> String {
        self.fill(Text::NewInstead, &[("subject", &self.subject(subject))])
    }

    /// A new ticket begins by a command that has said what it is about, where the one before waited for a person: its subject.
    #[must_use]
    pub fn no_longer_waits(&self, subject: &str) -> String {
        self.fill(Text::NoLongerWaits, &[("subject", &self.subject(subject))])
    }

    /// A command that takes no text was written with one.
    #[must_use]
    pub fn stands_alone(&self, word: &str) -> String {
        self.fill(Text::StandsAlone, &[("word", word)])
    }

    /// The customer says that it is not solved; `wait` is told if it waits for somebody from now on.
    #[must_use]
    pub fn doubted(&self, wait: Option<&Wait<'_>>) -> String {
        let words = self.fill(Text::Doubted, &[]);
        wait.map_or_else(|| words.clone(), |wait| self.hand_off_in(&words, wait))
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

    /// A command needs a ticket, and there is none.
    #[must_use]
    pub fn no_ticket(&self) -> String {
        self.fill(Text::NoTicket, &[])
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

    /// The customer goes on with a ticket that was resolved: what is left?
    #[must_use]
    pub fn reopened(&self, subject: &str) -> String {
        self.fill(Text::Reopened, &[("subject", &self.subject(subject))])
    }

    /// The customer wants to go on, and a ticket is open.
    #[must_use]
    pub fn reopen_runs(&self, subject: &str) -> String {
        self.fill(Text::ReopenRuns, &[("subject", &self.subject(subject))])
    }

    /// One ticket in a list.
    #[must_use]
    pub fn ticket_line(&self, date: &str, subject: &str, status: Status) -> String {
        self.fill(
            Text::TicketLine,
            &[("date", date), ("subject", &self.subject(subject)), ("status", &self.status(status))],
        )
    }

    /// How a ticket stands; `wait` is what can be told of the queue.
    #[must_use]
    pub fn standing(&self, subject: &str, status: Status, wait: &str) -> String {
        let (subject, status) = (self.subject(subject), self.status(status));
        self.fill(Text::Standing, &[("subject", &subject), ("status", &status), ("wait", wait)])
    }

    /// What a ticket is called: one that was begun by a command has no words of its own yet.
    fn subject(&self, subject: &str) -> String {
        if subject == NAMELESS { self.fill(Text::NoSubject, &[]) } else { subject.to_owned() }
    }

    /// A status in words.
    #[must_use]
    pub fn status(&self, status: Status) -> String {
        let text = match status {
            Status::Open => Text::IsOpen,
            Status::Pending => Text::IsPending,
            Status::Escalated => Text::IsEscalated,
            Status::Resolved => Text::IsResolved,
            Status::Closed => Text::IsClosed,
        };
        self.fill(text, &[])
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

/// What there is of these, with spaces between.
fn joined<const N: usize>(parts: [&str; N]) -> String {
    parts.into_iter().filter(|part| !part.is_empty()).collect::<Vec<_>>().join(" ")
}
