//! Hours as people write them: `Mon-Fri 09:00-12:00, 13:00-17:00`.

use std::collections::BTreeSet;

use chrono::NaiveDate;
use chrono_tz::Tz;

use super::{DAY, Hours, Shift};

const NAMES: [&str; 7] = ["monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"];

/// What is wrong with hours.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{key}: {problem}")]
pub struct HoursError {
    /// Which key of the desk, such as `hours[1]`.
    pub key: String,
    /// What is wrong with it.
    pub problem: String,
}

impl HoursError {
    fn new(key: impl Into<String>, problem: impl Into<String>) -> Self {
        Self { key: key.into(), problem: problem.into() }
    }
}

impl Hours {
    /// Reads hours: each entry has days (`Mon-Fri`, `Sat`, `Tue, Thu`) and shifts (`09:00-17:00`, several with commas).
    /// A shift whose end is not after its beginning runs over midnight; `24:00` is the end of a day. On a holiday
    /// (`2026-12-25`) no shift begins. Times are those of `zone`, an IANA name, without which there can be no hours.
    ///
    /// # Errors
    /// [`HoursError`] names the key.
    pub fn parse(zone: Option<&str>, hours: &[String], holidays: &[String]) -> Result<Self, HoursError> {
        let zone: Option<Tz> = zone
            .map(|name| {
                let problem = || format!("'{name}' is no IANA time zone such as Europe/Berlin");
                name.trim().parse().map_err(|_| HoursError::new("time_zone", problem()))
            })
            .transpose()?;
        if hours.is_empty() && !holidays.is_empty() {
            return Err(HoursError::new(
                "holidays",
                "without hours it is always open; 'Mon-Sun 00:00-24:00' is all hours",
            ));
        }
        if zone.is_none() && !hours.is_empty() {
            return Err(HoursError::new("time_zone", "is missing: hours need one, such as Europe/Berlin"));
        }
        let mut week: [Vec<Shift>; 7] = Default::default();
        for (index, entry) in hours.iter().enumerate() {
            let complain = |problem| HoursError::new(format!("hours[{index}]"), problem);
            let (days, shifts) = entry_parts(entry).map_err(complain)?;
            for day in days {
                if let Some(known) = week.get_mut(day) {
                    known.extend(&shifts);
                }
            }
            if overlaps(&mut week) {
                return Err(complain(format!("'{entry}' overlaps with other hours")));
            }
        }
        let holidays: BTreeSet<NaiveDate> = holidays
            .iter()
            .enumerate()
            .map(|(index, day)| {
                let problem =
                    |_| HoursError::new(format!("holidays[{index}]"), format!("'{day}' is no date such as 2026-12-25"));
                NaiveDate::parse_from_str(day.trim(), "%Y-%m-%d").map_err(problem)
            })
            .collect::<Result<_, _>>()?;
        Ok(Self { zone: zone.unwrap_or(Tz::UTC), week, holidays })
    }
}

fn entry_parts(entry: &str) -> Result<(BTreeSet<usize>, Vec<Shift>), String> {
    // Dashes of all lengths are typed for ranges.
    let plain = entry.replace(['–', '—'], "-");
    let problem = || format!("'{entry}' is not such as 'Mon-Fri 09:00-17:00'");
    let begin = plain.find(|c: char| c.is_ascii_digit()).ok_or_else(problem)?;
    let (days, shifts) = plain.split_at(begin);
    let mut named = BTreeSet::new();
    for range in days.trim().trim_end_matches([',', ':']).split(',') {
        let (first, last) = range.split_once('-').unwrap_or((range, range));
        let (mut day, last) = (weekday(first)?, weekday(last)?);
        // A range may go over the weekend: Sat-Mon.
        named.insert(day);
        while day != last {
            day = (day + 1) % 7;
            named.insert(day);
        }
    }
    let shifts: Vec<Shift> = shifts.split(',').map(shift).collect::<Result<_, _>>()?;
    Ok((named, shifts))
}

/// A weekday by its English name, whole or its first letters (two at least).
fn weekday(text: &str) -> Result<usize, String> {
    let name = text.trim().to_lowercase();
    let found = NAMES.iter().position(|day| name.len() >= 2 && day.starts_with(&name));
    found.ok_or_else(|| format!("'{}' is no day such as Mon", text.trim()))
}

fn shift(text: &str) -> Result<Shift, String> {
    let problem = || format!("'{}' is no range of times such as 09:00-17:00", text.trim());
    let (from, to) = text.split_once('-').ok_or_else(problem)?;
    let (from, to) = (minute(from).ok_or_else(problem)?, minute(to).ok_or_else(problem)?);
    if from == to || from == DAY {
        return Err(format!("'{}' has no length; a whole day is 00:00-24:00", text.trim()));
    }
    Ok(Shift { from, to: if to < from { to + DAY } else { to } })
}

/// The minute of a day, from `0:00` to `24:00`.
fn minute(text: &str) -> Option<u16> {
    let (hour, minute) = text.trim().split_once(':')?;
    let digits = |text: &str, least: usize| {
        let fits = (least..=2).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_digit());
        text.parse::<u16>().ok().filter(|_| fits)
    };
    let (hour, minute) = (digits(hour, 1)?, digits(minute, 2)?);
    (minute < 60 && hour * 60 + minute <= DAY).then_some(hour * 60 + minute)
}

/// Sorts every day's shifts and tells whether two of the week overlap.
fn overlaps(week: &mut [Vec<Shift>; 7]) -> bool {
    for shifts in week.iter_mut() {
        shifts.sort_unstable();
    }
    let mut all: Vec<(u32, u32)> = (0..8u32)
        .zip(week.iter().cycle())
        .flat_map(|(day, shifts)| {
            let begin = day * u32::from(DAY);
            shifts.iter().map(move |shift| (begin + u32::from(shift.from), begin + u32::from(shift.to)))
        })
        .collect();
    all.sort_unstable();
    all.windows(2).any(|pair| matches!(pair, [(_, to), (from, _)] if from < to))
}
