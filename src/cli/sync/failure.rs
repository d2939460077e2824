//! Why a run did not reach its end, and what it exits with.

use std::{path::PathBuf, process::ExitCode};

/// What went wrong, in words for whom cron writes to.
#[derive(Debug, thiserror::Error)]
pub(super) enum Failure {
    /// A file, or an answer that makes no sense.
    #[error("{0:#}")]
    Other(#[from] anyhow::Error),
    #[error("another run is at it: {} is locked", .0.display())]
    Locked(PathBuf),
    /// It will pass.
    #[error("{0}; the next run goes on where this one stopped")]
    Server(String),
    #[error("{0}")]
    Token(String),
    #[error("{0}; to begin anew, move --out away and delete --state")]
    Log(String),
    /// The state is another caller's.
    #[error(
        "this token is another caller's than those that {} is about, or role or desks have changed: take a token of the same \
         caller, or name another --out and another --state", .0.display()
    )]
    Reader(PathBuf),
}

impl Failure {
    /// As the help lists them; 2 is the command line's.
    pub(super) fn exit_code(&self) -> ExitCode {
        ExitCode::from(match self {
            Self::Other(_) => 1,
            Self::Locked(_) => 3,
            Self::Server(_) => 4,
            Self::Token(_) => 5,
            Self::Log(_) => 6,
            Self::Reader(_) => 7,
        })
    }
}
