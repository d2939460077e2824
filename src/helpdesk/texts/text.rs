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
    TakenBack,
    TooFast,
    TooManyTickets,
    NewTicket,
    NoTicket,
    NoModel,
    Hello,
    Welcome,
    NothingFound,
    StillLooking,
    StatusAway,
    StatusOff,
    CommandNew,
    CommandTickets,
    CommandStatus,
    CommandHuman,
    CommandResolve,
    CommandReopen,
    CommandExport,
    CommandErase,
    CommandHelp,
    Help,
    UnknownWord,
    UnknownNear,
    Reopened,
    ReopenRuns,
    ReopenTooLate,
    AskedForPerson,
    WithPerson,
    NoTickets,
    TicketLine,
    MoreTickets,
    Standing,
    IsOpen,
    IsPending,
    IsEscalated,
    IsResolved,
    IsClosed,
    EraseWarning,
    EraseHow,
    EraseYes,
    EraseNot,
    Erased,
    ExportSent,
    ExportCut,
    ExportSoon,
    FieldMessage,
    FieldReason,
    CommandFailed,
    RoomInvitation,
    RoomClosed,
    FileRefused,
    Goodbye,
    Noted,
    AskMeMeanwhile,
    NewInstead,
    NewAbout,
    NoLongerWaits,
    StandsAlone,
    Doubted,
    NoSubject,
    YourFile,
    Date,
}

impl Text {
    /// All of them, in the order of declaration.
    pub const ALL: [Self; 84] = [
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
        Self::TakenBack,
        Self::TooFast,
        Self::TooManyTickets,
        Self::NewTicket,
        Self::NoTicket,
        Self::NoModel,
        Self::Hello,
        Self::Welcome,
        Self::NothingFound,
        Self::StillLooking,
        Self::StatusAway,
        Self::StatusOff,
        Self::CommandNew,
        Self::CommandTickets,
        Self::CommandStatus,
        Self::CommandHuman,
        Self::CommandResolve,
        Self::CommandReopen,
        Self::CommandExport,
        Self::CommandErase,
        Self::CommandHelp,
        Self::Help,
        Self::UnknownWord,
        Self::UnknownNear,
        Self::Reopened,
        Self::ReopenRuns,
        Self::ReopenTooLate,
        Self::AskedForPerson,
        Self::WithPerson,
        Self::NoTickets,
        Self::TicketLine,
        Self::MoreTickets,
        Self::Standing,
        Self::IsOpen,
        Self::IsPending,
        Self::IsEscalated,
        Self::IsResolved,
        Self::IsClosed,
        Self::EraseWarning,
        Self::EraseHow,
        Self::EraseYes,
        Self::EraseNot,
        Self::Erased,
        Self::ExportSent,
        Self::ExportCut,
        Self::ExportSoon,
        Self::FieldMessage,
        Self::FieldReason,
        Self::CommandFailed,
        Self::RoomInvitation,
        Self::RoomClosed,
        Self::FileRefused,
        Self::Goodbye,
        Self::Noted,
        Self::AskMeMeanwhile,
        Self::NewInstead,
        Self::NewAbout,
        Self::NoLongerWaits,
        Self::StandsAlone,
        Self::Doubted,
        Self::NoSubject,
        Self::YourFile,
        Self::Date,
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
            Self::TakenBack => "taken_back",
            Self::TooFast => "too_fast",
            Self::TooManyTickets => "too_many_tickets",
            Self::NewTicket => "new_ticket",
            Self::NoTicket => "no_ticket",
            Self::NoModel => "no_model",
            Self::Hello => "hello",
            Self::Welcome => "welcome",
            Self::NothingFound => "nothing_found",
            Self::StillLooking => "still_looking",
            Self::StatusAway => "status_away",
            Self::StatusOff => "status_off",
            Self::CommandNew => "command_new",
            Self::CommandTickets => "command_tickets",
            Self::CommandStatus => "command_status",
            Self::CommandHuman => "command_human",
            Self::CommandResolve => "command_resolve",
            Self::CommandReopen => "command_reopen",
            Self::CommandExport => "command_export",
            Self::CommandErase => "command_erase",
            Self::CommandHelp => "command_help",
            Self::Help => "help",
            Self::UnknownWord => "unknown_word",
            Self::UnknownNear => "unknown_near",
            Self::Reopened => "reopened",
            Self::ReopenRuns => "reopen_runs",
            Self::ReopenTooLate => "reopen_too_late",
            Self::AskedForPerson => "asked_for_person",
            Self::WithPerson => "with_person",
            Self::NoTickets => "no_tickets",
            Self::TicketLine => "ticket_line",
            Self::MoreTickets => "more_tickets",
            Self::Standing => "standing",
            Self::IsOpen => "is_open",
            Self::IsPending => "is_pending",
            Self::IsEscalated => "is_escalated",
            Self::IsResolved => "is_resolved",
            Self::IsClosed => "is_closed",
            Self::EraseWarning => "erase_warning",
            Self::EraseHow => "erase_how",
            Self::EraseYes => "erase_yes",
            Self::EraseNot => "erase_not",
            Self::Erased => "erased",
            Self::ExportSent => "export_sent",
            Self::ExportCut => "export_cut",
            Self::ExportSoon => "export_soon",
            Self::FieldMessage => "field_message",
            Self::FieldReason => "field_reason",
            Self::CommandFailed => "command_failed",
            Self::RoomInvitation => "room_invitation",
            Self::RoomClosed => "room_closed",
            Self::FileRefused => "file_refused",
            Self::Goodbye => "goodbye",
            Self::Noted => "noted",
            Self::AskMeMeanwhile => "ask_me_meanwhile",
            Self::NewInstead => "new_instead",
            Self::NewAbout => "new_about",
            Self::NoLongerWaits => "no_longer_waits",
            Self::StandsAlone => "stands_alone",
            Self::Doubted => "doubted",
            Self::NoSubject => "no_subject",
            Self::YourFile => "your_file",
            Self::Date => "date",
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
            Self::TicketLine => &["date", "subject", "status"],
            Self::Standing => &["subject", "status", "wait"],
            Self::Erased => &["count"],
            Self::UnknownWord | Self::StandsAlone => &["word"],
            Self::Date => &["year", "month", "day"],
            Self::FileRefused => &["file"],
            Self::UnknownNear => &["word", "near"],
            Self::Reopened | Self::ReopenRuns | Self::NewInstead | Self::NoLongerWaits => &["subject"],
            Self::RoomInvitation => &["agent", "room"],
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
            | Self::TakenBack
            | Self::NewTicket
            | Self::NewAbout
            | Self::NoTicket
            | Self::NoModel
            | Self::Hello
            | Self::Welcome
            | Self::NothingFound
            | Self::StillLooking
            | Self::StatusAway
            | Self::StatusOff
            | Self::CommandNew
            | Self::CommandTickets
            | Self::CommandStatus
            | Self::CommandHuman
            | Self::CommandResolve
            | Self::CommandReopen
            | Self::CommandExport
            | Self::CommandErase
            | Self::CommandHelp
            | Self::Help
            | Self::ReopenTooLate
            | Self::AskedForPerson
            | Self::WithPerson
            | Self::NoTickets
            | Self::MoreTickets
            | Self::IsOpen
            | Self::IsPending
            | Self::IsEscalated
            | Self::IsResolved
            | Self::IsClosed
            | Self::EraseWarning
            | Self::EraseHow
            | Self::EraseYes
            | Self::EraseNot
            | Self::ExportSent
            | Self::ExportCut
            | Self::ExportSoon
            | Self::FieldMessage
            | Self::FieldReason
            | Self::CommandFailed
            | Self::RoomClosed
            | Self::Goodbye
            | Self::Noted
            | Self::AskMeMeanwhile
            | Self::Doubted
            | Self::NoSubject
            | Self::YourFile => &[],
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
                | Self::MoreTickets
                | Self::AskMeMeanwhile
        )
    }

    /// How many words it must have, when that matters: one for each day of the week.
    pub(super) fn words(self) -> Option<usize> {
        matches!(self, Self::Days | Self::Weekdays).then_some(7)
    }
}
