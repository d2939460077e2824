use std::sync::LazyLock;

use chrono::Offset;
use proptest::prelude::*;

use super::*;

fn hours(zone: &str, entries: &[&str]) -> Hours {
    with_holidays(zone, entries, &[])
}

fn with_holidays(zone: &str, entries: &[&str], holidays: &[&str]) -> Hours {
    let owned = |list: &[&str]| list.iter().map(|text| (*text).to_owned()).collect::<Vec<_>>();
    Hours::parse(Some(zone), &owned(entries), &owned(holidays)).unwrap()
}

fn complaint(zone: Option<&str>, entries: &[&str], holidays: &[&str]) -> String {
    let owned = |list: &[&str]| list.iter().map(|text| (*text).to_owned()).collect::<Vec<_>>();
    Hours::parse(zone, &owned(entries), &owned(holidays)).unwrap_err().to_string()
}

fn utc(text: &str) -> DateTime<Utc> {
    format!("{text}:00Z").parse().unwrap()
}

fn next(hours: &Hours, at: &str) -> Option<String> {
    hours.next_opening(utc(at)).map(|at| at.to_rfc3339())
}

#[test]
fn without_hours_it_is_always_open() {
    let always = Hours::default();
    assert!(always.is_open(utc("2026-12-25T03:00")));
    assert_eq!((next(&always, "2026-12-25T03:00"), always.describe()), (None, String::new()));
}

#[test]
fn a_week_opens_and_closes_by_the_desks_own_clock() {
    let week = hours("Europe/Berlin", &["Mon-Fri 09:00-17:00", "Sat 10:00-14:00"]);
    // 2026-11-23 is a Monday; Berlin is an hour ahead.
    for (at, open) in [
        ("2026-11-23T07:59", false),
        ("2026-11-23T08:00", true),
        ("2026-11-23T15:59", true),
        ("2026-11-23T16:00", false),
        ("2026-11-28T09:00", true),
        ("2026-11-29T09:00", false),
    ] {
        assert_eq!(week.is_open(utc(at)), open, "{at}");
    }
    assert_eq!(next(&week, "2026-11-23T06:00").unwrap(), "2026-11-23T09:00:00+01:00");
    assert_eq!(next(&week, "2026-11-23T16:00").unwrap(), "2026-11-24T09:00:00+01:00");
    assert_eq!(next(&week, "2026-11-28T13:00").unwrap(), "2026-11-30T09:00:00+01:00");
    assert_eq!(next(&week, "2026-11-23T12:00"), None);
}

#[test]
fn a_shift_may_run_over_midnight_and_over_the_week() {
    let nights = hours("UTC", &["Sun 22:00-06:00"]);
    assert!(nights.is_open(utc("2026-11-22T23:00")) && nights.is_open(utc("2026-11-23T05:59")));
    assert!(!nights.is_open(utc("2026-11-23T06:00")) && !nights.is_open(utc("2026-11-23T22:30")));
}

#[test]
fn no_shift_begins_on_a_holiday_and_one_that_runs_is_not_cut() {
    let nights = with_holidays("UTC", &["Mon-Sun 22:00-06:00"], &["2026-12-25"]);
    assert!(nights.is_open(utc("2026-12-25T05:00")));
    assert!(!nights.is_open(utc("2026-12-25T23:00")) && !nights.is_open(utc("2026-12-26T05:00")));
    assert_eq!(next(&nights, "2026-12-25T07:00").unwrap(), "2026-12-26T22:00:00+00:00");
}

#[test]
fn clocks_that_jump_shorten_a_shift_and_clocks_that_go_back_lengthen_it() {
    // 2026-03-29: 02:00 is 03:00 (at 01:00 UTC). 2026-10-25: 03:00 is 02:00 (at 01:00 UTC).
    let late = hours("Europe/Berlin", &["Sun 02:30-05:00"]);
    assert_eq!(next(&late, "2026-03-29T00:30").unwrap(), "2026-03-29T03:00:00+02:00");
    assert_eq!(next(&late, "2026-10-24T23:00").unwrap(), "2026-10-25T02:30:00+02:00");
    assert!(late.is_open(utc("2026-10-25T01:10")), "the second 02:10 is within the shift");

    let early = hours("Europe/Berlin", &["Sun 01:00-02:30"]);
    assert!(early.is_open(utc("2026-03-29T00:59")) && !early.is_open(utc("2026-03-29T01:00")));
    assert!(early.is_open(utc("2026-10-25T01:29")) && !early.is_open(utc("2026-10-25T01:30")));

    let skipped = hours("Europe/Berlin", &["Sun 02:10-02:50"]);
    assert_eq!(next(&skipped, "2026-03-28T12:00").unwrap(), "2026-04-05T02:10:00+02:00");
}

#[test]
fn a_day_that_a_zone_skipped_has_no_hours() {
    // Samoa went from 2011-12-29 to 2011-12-31; the 30th was a Friday.
    let fridays = hours("Pacific/Apia", &["Fri 09:00-17:00"]);
    assert_eq!(next(&fridays, "2011-12-29T00:00").unwrap(), "2012-01-06T09:00:00+14:00");
    let nights = hours("Pacific/Apia", &["Thu 22:00-06:00"]);
    assert!(nights.is_open(utc("2011-12-30T09:59")) && !nights.is_open(utc("2011-12-30T10:00")));
}

#[test]
fn a_year_of_holidays_is_no_opening() {
    let mut closed = hours("UTC", &["Mon-Sun 09:00-17:00"]);
    closed.holidays = utc("2026-01-01T00:00").date_naive().iter_days().take(500).collect();
    assert_eq!(next(&closed, "2026-01-02T12:00"), None);
    assert!(!closed.is_open(utc("2026-01-02T12:00")));
}

#[test]
fn the_week_is_described_in_a_line() {
    for (entries, line) in [
        (&["Mon-Fri 09:00-17:00"][..], "Mon–Fri 09:00–17:00 (Europe/Berlin)"),
        (
            &["Mon-Fri 9:00-12:00, 13:00-17:00", "sat 10:00–14:00"],
            "Mon–Fri 09:00–12:00, 13:00–17:00; Sat 10:00–14:00 (Europe/Berlin)",
        ),
        (&["Tuesday, Thu 08:00-12:00"], "Tue, Thu 08:00–12:00 (Europe/Berlin)"),
        (&["Sat-Mon 22:00-06:00"], "Mon, Sat, Sun 22:00–06:00 (Europe/Berlin)"),
        (&["Mon-Sun 00:00-24:00"], "Mon–Sun 00:00–24:00 (Europe/Berlin)"),
    ] {
        assert_eq!(hours("Europe/Berlin", entries).describe(), line);
    }
    let german = hours("Europe/Berlin", &["Wed 18:00-24:00"]).describe_with(["Mo", "Di", "Mi", "Do", "Fr", "Sa", "So"]);
    assert_eq!(german, "Mi 18:00–24:00 (Europe/Berlin)");
}

#[test]
fn complaints_name_the_key() {
    let berlin = Some("Europe/Berlin");
    for (zone, entries, holidays, start) in [
        (berlin, &["Mon 09:00-17:00", "Mn 09:00-17:00"][..], &[][..], "hours[1]: 'Mn'"),
        (berlin, &["Mon"], &[], "hours[0]: 'Mon'"),
        (berlin, &["09:00-17:00"], &[], "hours[0]: ''"),
        (berlin, &["Mon 09:00"], &[], "hours[0]: '09:00'"),
        (berlin, &["Mon 09:00-25:00"], &[], "hours[0]: '09:00-25:00'"),
        (berlin, &["Mon 09:60-17:00"], &[], "hours[0]: '09:60-17:00'"),
        (berlin, &["Mon 09:00-17:0"], &[], "hours[0]: '09:00-17:0'"),
        (berlin, &["Mon 09:00-09:00"], &[], "hours[0]: '09:00-09:00'"),
        (berlin, &["Mon 09:00-12:00", "Mon-Tue 11:00-17:00"], &[], "hours[1]: 'Mon-Tue 11:00-17:00' overlaps"),
        (berlin, &["Sun 22:00-06:00", "Mon 05:00-12:00"], &[], "hours[1]: 'Mon 05:00-12:00' overlaps"),
        (berlin, &["Mon 09:00-17:00"], &["25.12.2026"], "holidays[0]: '25.12.2026'"),
        (berlin, &[], &["2026-12-25"], "holidays: "),
        (Some("Berlin"), &[], &[], "time_zone: 'Berlin'"),
        (None, &["Mon 09:00-17:00"], &[], "time_zone: "),
    ] {
        let message = complaint(zone, entries, holidays);
        assert!(message.starts_with(start), "{message}");
    }
}

/// Zones with all that occurs: jumps of an hour and of half an hour, at midnight, in the south, in Ramadan; none.
const ZONES: [&str; 8] = [
    "Europe/Berlin",
    "America/New_York",
    "Australia/Lord_Howe",
    "America/Santiago",
    "Africa/Cairo",
    "Africa/Casablanca",
    "Asia/Kathmandu",
    "America/Havana",
];

/// The hours in which each zone's clocks change, from 2024 to 2026.
static CHANGES: LazyLock<Vec<(&str, DateTime<Utc>)>> = LazyLock::new(|| {
    let changes = ZONES.into_iter().flat_map(|name| {
        let zone: Tz = name.parse().unwrap();
        let hour = |hour: i64| utc("2024-01-01T00:00") + TimeDelta::hours(hour);
        let offset = move |at: DateTime<Utc>| zone.offset_from_utc_datetime(&at.naive_utc()).fix();
        let changes = move |at: &i64| offset(hour(*at)) != offset(hour(at + 1));
        (0..3 * 366 * 24).filter(changes).map(move |at| (name, hour(at)))
    });
    changes.collect()
});

#[test]
fn the_zones_of_the_tests_do_change_their_clocks() {
    let changing = ZONES.into_iter().filter(|name| CHANGES.iter().any(|(zone, _)| zone == name)).count();
    // All but Kathmandu.
    assert_eq!(changing, 7, "{:?}", *CHANGES);
}

prop_compose! {
    /// A zone, and a minute of three years or of the hours around a change of its clocks.
    fn any_time()(
        anywhere in (prop::sample::select(&ZONES[..]), 0..(3 * 366 * 24 * 60i64)),
        change in prop::sample::select(&CHANGES[..]),
        near in -300..300i64,
        at_change in prop::bool::weighted(0.8),
    ) -> (&'static str, DateTime<Utc>) {
        let (zone, minute) = anywhere;
        match at_change {
            true => (change.0, change.1 + TimeDelta::minutes(near)),
            false => (zone, utc("2024-01-01T00:00") + TimeDelta::minutes(minute)),
        }
    }
}

/// The beginning and length of a shift on each day, in minutes.
fn any_week() -> impl Strategy<Value = [(u16, u16); 7]> {
    prop::array::uniform7((0..1440u16, 1..1440u16))
}

/// A shift a day, of which none reaches into the next day's.
fn week_of(zone: &str, shifts: [(u16, u16); 7]) -> Hours {
    let mut week: [Vec<Shift>; 7] = Default::default();
    for (day, (from, length)) in shifts.into_iter().enumerate() {
        let following = DAY + shifts[(day + 1) % 7].0;
        week[day].push(Shift { from, to: (from + length).min(following) });
    }
    Hours { zone: zone.parse().unwrap(), week, holidays: BTreeSet::new() }
}

/// Whether the clock on the wall shows a time within the week's hours, whatever the date.
fn by_the_wall(hours: &Hours, wall: NaiveDateTime) -> bool {
    use chrono::Timelike;
    let minute = u16::try_from(wall.hour() * 60 + wall.minute()).unwrap();
    let today = wall.weekday().num_days_from_monday() as usize;
    let within =
        |day: usize, minute: u16| hours.week[day].iter().any(|shift| shift.from <= minute && minute < shift.to);
    within(today, minute) || within((today + 6) % 7, minute + DAY)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1000))]

    /// Whenever clocks show a time only once, that time decides; when they show it twice, it is open at least then.
    #[test]
    fn open_is_what_the_clock_on_the_wall_says((zone, at) in any_time(), shifts in any_week()) {
        let hours = week_of(zone, shifts);
        let wall = hours.local(at).naive_local();
        if hours.zone.from_local_datetime(&wall).single().is_some() {
            prop_assert_eq!(hours.is_open(at), by_the_wall(&hours, wall));
        } else if by_the_wall(&hours, wall) {
            prop_assert!(hours.is_open(at));
        }
    }

    /// It is closed until the next opening and open at it.
    #[test]
    fn the_next_opening_is_the_first_open_minute((zone, at) in any_time(), shifts in any_week()) {
        let hours = week_of(zone, shifts);
        match hours.next_opening(at) {
            None => prop_assert!(hours.is_open(at)),
            Some(opening) => {
                let opening = opening.to_utc();
                prop_assert!(opening > at && hours.is_open(opening));
                let mut before = at;
                while before < opening {
                    prop_assert!(!hours.is_open(before), "open at {}, before {}", before, opening);
                    before += TimeDelta::minutes(1);
                }
            }
        }
    }

    /// What is described can be read again, and says the same.
    #[test]
    fn a_description_reads_back(zone in prop::sample::select(&ZONES[..]), shifts in any_week()) {
        let hours = week_of(zone, shifts);
        let line = hours.describe();
        let (entries, named) = line.split_once(" (").unwrap();
        let entries: Vec<String> = entries.split(';').map(str::to_owned).collect();
        let again = Hours::parse(Some(named.trim_end_matches(')')), &entries, &[]).unwrap();
        prop_assert_eq!(again, hours);
    }
}
