//! What can go wrong in the domain. It knows no transport: `api::ApiError` and `xmpp` translate it.

/// An error of the domain.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The thing does not exist, or the caller may not know that it does.
    #[error("{0} not found")]
    NotFound(String),
    /// The caller may not do this.
    #[error("{0}")]
    Forbidden(String),
    /// A value is not acceptable; the text names it and says why.
    #[error("{field}: {problem}")]
    Invalid {
        /// The name of the value as the caller wrote it.
        field: &'static str,
        /// What is wrong with it.
        problem: String,
    },
    /// The ticket is in a state that does not allow this.
    #[error("{0}")]
    Conflict(String),
    /// A conversation has one live ticket, and it is another one. Its id, and the short id of its address.
    #[error("the conversation goes on in ticket {ticket}")]
    GoesOn {
        /// The live ticket.
        ticket: uuid::Uuid,
        /// As in its own address.
        short_id: String,
    },
    /// A limit of the desk, in its own words.
    #[error("{0}")]
    Limited(String),
    /// The stanza that asks for it came before, and was followed then.
    #[error("this was done before")]
    Repeated,
    /// Somebody was faster, or the ticket is in a colleague's hands.
    #[error("{reason}")]
    Overtaken {
        /// What has happened.
        reason: String,
        /// The ticket as it is now.
        current: Box<deskbridge_entity::ticket::Model>,
    },
    /// What the assistant was asked for could not be made; the text says why.
    #[error("{0}")]
    Unavailable(String),
    /// It is not made yet; who asks again will get it.
    #[error("this takes longer than usual and is still being made: ask again in a moment")]
    NotReady,
    /// The database failed; details are for the log only.
    #[error("the database failed: {0}")]
    Database(#[source] sea_orm::DbErr),
    /// So many read at the moment that this one found no place; nothing was done.
    #[error("too many requests at the moment; please try again in a few seconds")]
    Busy,
    /// A batch failed in the database; the cause is logged once by the writer.
    #[error("the write failed: {0}")]
    WriteFailed(String),
    /// The process is shutting down.
    #[error("Deskbridge is stopping")]
    Stopping,
}

impl From<sea_orm::DbErr> for Error {
    fn from(error: sea_orm::DbErr) -> Self {
        match error {
            sea_orm::DbErr::ConnectionAcquire(sea_orm::ConnAcquireErr::Timeout) => Self::Busy,
            error => Self::Database(error),
        }
    }
}

impl Error {
    /// An [`Error::Invalid`] for `field`.
    pub fn invalid(field: &'static str, problem: impl Into<String>) -> Self {
        Self::Invalid { field, problem: problem.into() }
    }
}
