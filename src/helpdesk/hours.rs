//! Business hours: a week of shifts in a time zone. Pure: no clock, no configuration.
//!
//! A shift begins when the clocks on the wall first show its beginning and ends when they last show its end. So an
//! hour that clocks skip in spring is no part of any shift, and an hour that they repeat in autumn is one both times.
//! A shift belongs to the day it begins on: one that runs over midnight is not cut by a holiday that follows.

mod parse;
#[cfg(test)]
mod tests;

use std::collections::BTreeSet;

use chrono::{DateTime, Datelike, MappedLocalTime, NaiveDate, NaiveDateTime, NaiveTime, TimeDelta, TimeZone, Utc};
use chrono_tz::Tz;

pub use parse::HoursError;

/// How far ahead an opening is looked for, in days: more than a year, so that a yearly holiday does not hide it.
const FAR: u64 = 400;

const DAY: u16 = 24 * 60;

/// The hours in which a desk's people are there. Without any shift it is always open.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hours {
    zone: Tz,
    /// The shifts that begin on each day from Monday on, in order.
    week: [Vec<Shift>; 7],
    holidays: BTreeSet<NaiveDate>,
}

/// Minutes of its day; the end is beyond 24 hours when it runs over midnight.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Shift {
    from: u16,
    to: u16,
}

impl Default for Hours {
    fn default() -> Self {
        Self { zone: Tz::UTC, week: Default::default(), holidays: BTreeSet::new() }
    }
}

impl Hours {
    /// Whether there is no time at which it is closed for want of hours.
    #[must_use]
    pub fn is_always_open(&self) -> bool {
        self.week.iter().all(Vec::is_empty)
    }

    /// Whether somebody should be there at this time.
    #[must_use]
    pub fn is_open(&self, at: DateTime<Utc>) -> bool {
        // What began yesterday may still run; the day before counts for zones that skipped a whole day.
        let first = self.day_of(at) - TimeDelta::days(2);
        self.is_always_open()
            || first.iter_days().take(3).any(|day| self.shifts(day).any(|(from, to)| from <= at && at < to))
    }

    /// When it opens next; `None` when it is open already, or stays closed for more than a year.
    #[must_use]
    pub fn next_opening(&self, at: DateTime<Utc>) -> Option<DateTime<Tz>> {
        if self.is_open(at) {
            return None;
        }
        let days = usize::try_from(FAR).unwrap_or(usize::MAX);
        let next = self
            .day_of(at)
            .iter_days()
            .take(days)
            .find_map(|day| self.shifts(day).map(|(from, _)| from).filter(|from| *from > at).min())?;
        Some(next.with_timezone(&self.zone))
    }

    /// The time in the desk's zone.
    #[must_use]
    pub fn local(&self, at: DateTime<Utc>) -> DateTime<Tz> {
        at.with_timezone(&self.zone)
    }

    /// The week in a line, such as `Mon–Fri 09:00–12:00, 13:00–17:00; Sat 10:00–14:00 (Europe/Berlin)`. Empty when it
    /// is always open.
    #[must_use]
    pub fn describe(&self) -> String {
        self.describe_with(["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"])
    }

    /// As [`Hours::describe`], with other words for the days from Monday on.
    #[must_use]
    pub fn describe_with(&self, names: [&str; 7]) -> String {
        let mut groups: Vec<(&[Shift], Vec<usize>)> = Vec::new();
        for (day, shifts) in self.week.iter().enumerate().filter(|(_, shifts)| !shifts.is_empty()) {
            match groups.iter_mut().find(|(known, _)| *known == shifts.as_slice()) {
                Some((_, days)) => days.push(day),
                None => groups.push((shifts, vec![day])),
            }
        }
        if groups.is_empty() {
            return String::new();
        }
        let groups: Vec<String> = groups
            .into_iter()
            .map(|(shifts, days)| {
                let shifts: Vec<String> = shifts.iter().map(|shift| shift.describe()).collect();
                format!("{} {}", describe_days(&days, names), shifts.join(", "))
            })
            .collect();
        format!("{} ({})", groups.join("; "), self.zone.name())
    }

    fn day_of(&self, at: DateTime<Utc>) -> NaiveDate {
        self.local(at).date_naive()
    }

    /// The shifts that begin on a day, each from its first moment to the first one after it.
    fn shifts(&self, day: NaiveDate) -> impl Iterator<Item = (DateTime<Utc>, DateTime<Utc>)> {
        let weekday = day.weekday().num_days_from_monday() as usize;
        let shifts = self.week.get(weekday).filter(|_| !self.holidays.contains(&day));
        shifts
            .into_iter()
            .flatten()
            .map(move |shift| {
                let wall = |minute: u16| day.and_time(NaiveTime::MIN) + TimeDelta::minutes(minute.into());
                let from = self.instant(wall(shift.from), |first, _| first);
                (from, self.instant(wall(shift.to), |_, last| last))
            })
            // Both ends may be skipped together.
            .filter(|(from, to)| from < to)
    }

    /// When clocks on the wall show this; `pick` says which, when they show it twice. What they skip is where they
    /// jump.
    fn instant(
        &self,
        wall: NaiveDateTime,
        pick: impl FnOnce(DateTime<Utc>, DateTime<Utc>) -> DateTime<Utc>,
    ) -> DateTime<Utc> {
        match self.zone.from_local_datetime(&wall) {
            MappedLocalTime::Single(at) => at.to_utc(),
            MappedLocalTime::Ambiguous(first, last) => pick(first.to_utc(), last.to_utc()),
            MappedLocalTime::None => self.jump_over(wall),
        }
    }

    /// The moment at which clocks jump over `wall`: the first one at which they show more.
    fn jump_over(&self, wall: NaiveDateTime) -> DateTime<Utc> {
        // Offsets lie between -12 and +14 hours, so that clocks show less at the beginning and more at the end.
        let reach = TimeDelta::hours(16);
        let (mut before, mut after) = (wall.and_utc() - reach, wall.and_utc() + reach);
        while after - before > TimeDelta::seconds(1) {
            let middle = before + TimeDelta::seconds((after - before).num_seconds() / 2);
            if self.local(middle).naive_local() < wall { before = middle } else { after = middle }
        }
        after
    }
}

impl Shift {
    fn describe(self) -> String {
        // Midnight at the end of the day is 24:00; after it the next day's time counts.
        let to = if self.to > DAY { self.to - DAY } else { self.to };
        format!("{:02}:{:02}–{:02}:{:02}", self.from / 60, self.from % 60, to / 60, to % 60)
    }
}

/// Three days in a row or more are a range.
fn describe_days(days: &[usize], names: [&str; 7]) -> String {
    let name = |day: &usize| names.get(*day).copied().unwrap_or_default();
    let runs = days.chunk_by(|one, next| one + 1 == *next);
    let parts = runs.flat_map(|run| match run {
        [first, _, .., last] => vec![format!("{}–{}", name(first), name(last))],
        few => few.iter().map(|day| name(day).to_owned()).collect(),
    });
    parts.collect::<Vec<_>>().join(", ")
}
