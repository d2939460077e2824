//! What is said to who waits for a person: the place in the queue, and when somebody is there.

use chrono::{DateTime, Datelike, Utc};

use super::{Text, Texts};
use crate::helpdesk::Hours;

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

impl Texts {
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

    /// The customer says that it is not solved; `wait` is told if it waits for somebody from now on.
    #[must_use]
    pub fn doubted(&self, wait: Option<&Wait<'_>>) -> String {
        let words = self.fill(Text::Doubted, &[]);
        wait.map_or_else(|| words.clone(), |wait| self.hand_off_in(&words, wait))
    }
}

/// What there is of these, with spaces between.
fn joined<const N: usize>(parts: [&str; N]) -> String {
    parts.into_iter().filter(|part| !part.is_empty()).collect::<Vec<_>>().join(" ")
}
