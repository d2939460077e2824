//! Which texts there are, what may stand in them, and which may be empty.

/// A text of a desk.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "the functions of `Texts` say what each is for")]
pub enum Text {
    Greeting,
    HandOff,
    Failure,
    Queue,
    NextInLine,
    Hours,
    OutOfHours,
    Closed,
    NobodyOnDuty,
    Today,
    Tomorrow,
    OnWeekday,
    OnDate,
    Days,
    Weekdays,
    Nudge,
    ResolvedIdle,
    Resolved,
    ResolvedByYou,
    Released,
    Encrypted,
    TooFast,
    TooManyTickets,
    NewTicket,
    NoTicket,
    NoModel,
    Hello,
    Welcome,
    NothingFound,
    StatusAway,
    StatusOff,
}

impl Text {
    /// All of them, in the order of declaration.
    pub const ALL: [Self; 31] = [
        Self::Greeting,
        Self::HandOff,
        Self::Failure,
        Self::Queue,
        Self::NextInLine,
        Self::Hours,
        Self::OutOfHours,
        Self::Closed,
        Self::NobodyOnDuty,
        Self::Today,
        Self::Tomorrow,
        Self::OnWeekday,
        Self::OnDate,
        Self::Days,
        Self::Weekdays,
        Self::Nudge,
        Self::ResolvedIdle,
        Self::Resolved,
        Self::ResolvedByYou,
        Self::Released,
        Self::Encrypted,
        Self::TooFast,
        Self::TooManyTickets,
        Self::NewTicket,
        Self::NoTicket,
        Self::NoModel,
        Self::Hello,
        Self::Welcome,
        Self::NothingFound,
        Self::StatusAway,
        Self::StatusOff,
    ];

    /// Its key under `[desk.texts]`.
    #[must_use]
    pub fn key(self) -> &'static str {
        match self {
            Self::Greeting => "greeting",
            Self::HandOff => "hand_off",
            Self::Failure => "failure",
            Self::Queue => "queue",
            Self::NextInLine => "next_in_line",
            Self::Hours => "hours",
            Self::OutOfHours => "out_of_hours",
            Self::Closed => "closed",
            Self::NobodyOnDuty => "nobody_on_duty",
            Self::Today => "today",
            Self::Tomorrow => "tomorrow",
            Self::OnWeekday => "on_weekday",
            Self::OnDate => "on_date",
            Self::Days => "days",
            Self::Weekdays => "weekdays",
            Self::Nudge => "nudge",
            Self::ResolvedIdle => "resolved_idle",
            Self::Resolved => "resolved",
            Self::ResolvedByYou => "resolved_by_you",
            Self::Released => "released",
            Self::Encrypted => "encrypted",
            Self::TooFast => "too_fast",
            Self::TooManyTickets => "too_many_tickets",
            Self::NewTicket => "new_ticket",
            Self::NoTicket => "no_ticket",
            Self::NoModel => "no_model",
            Self::Hello => "hello",
            Self::Welcome => "welcome",
            Self::NothingFound => "nothing_found",
            Self::StatusAway => "status_away",
            Self::StatusOff => "status_off",
        }
    }

    /// What may stand in braces in it.
    #[must_use]
    pub fn placeholders(self) -> &'static [&'static str] {
        match self {
            Self::Greeting => &["desk"],
            Self::HandOff | Self::Failure => &["queue", "hours"],
            Self::Queue => &["ahead"],
            Self::Hours | Self::NobodyOnDuty => &["hours"],
            Self::OutOfHours => &["opening", "hours"],
            Self::Today | Self::Tomorrow => &["time"],
            Self::OnWeekday => &["weekday", "time"],
            Self::OnDate => &["weekday", "year", "month", "day", "time"],
            Self::TooFast | Self::TooManyTickets => &["limit"],
            Self::NextInLine
            | Self::Closed
            | Self::Days
            | Self::Weekdays
            | Self::Nudge
            | Self::ResolvedIdle
            | Self::Resolved
            | Self::ResolvedByYou
            | Self::Released
            | Self::Encrypted
            | Self::NewTicket
            | Self::NoTicket
            | Self::NoModel
            | Self::Hello
            | Self::Welcome
            | Self::NothingFound
            | Self::StatusAway
            | Self::StatusOff => &[],
        }
    }

    /// Whether a desk may say nothing instead. Who hands off, fails, asks or refuses says so.
    pub(super) fn may_be_empty(self) -> bool {
        matches!(
            self,
            Self::Greeting
                | Self::Queue
                | Self::NextInLine
                | Self::Hours
                | Self::Closed
                | Self::NobodyOnDuty
                | Self::ResolvedIdle
                | Self::Resolved
                | Self::Released
                | Self::NoModel
                | Self::StatusAway
                | Self::StatusOff
        )
    }

    /// How many words it must have, when that matters: one for each day of the week.
    pub(super) fn words(self) -> Option<usize> {
        matches!(self, Self::Days | Self::Weekdays).then_some(7)
    }
}
