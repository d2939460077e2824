//! Files that customers sent as a URL: fetched within limits, kept in a folder.
//!
//! A URL is a stranger's word, and fetching it is a request made from inside our network: `crate::address` says which
//! places may be asked, `fetch` asks no others, `kind` tells a file by its bytes, `folder` keeps it under a name of ours, and
//! `worker` does all that for whatever rows are pending, as `places` and `retries` allow.

pub mod fetch;
pub mod folder;
pub mod kind;
mod places;
mod retries;
pub mod worker;

use std::time::Duration;

pub use folder::Folder;

use crate::address::Private;

/// What is fetched, and how much of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Limits {
    /// The largest file, in bytes.
    pub max_size: u64,
    /// Files of one ticket.
    pub max_per_ticket: u64,
    /// Files of one customer in 24 hours.
    pub max_per_day: u64,
    /// All files together, in bytes: a full disk would stop more than attachments.
    pub max_total: u64,
    /// The time that one try may take in all.
    pub timeout: Duration,
    /// Media types that are kept, of [`kind::KNOWN`].
    pub types: Vec<String>,
    /// Whether `http` will do. Upload services have to use `https` (XEP-0363 §5).
    pub allow_http: bool,
    /// Whether addresses that only our own network reaches may be asked.
    pub allow_private_addresses: bool,
}

impl Limits {
    fn private(&self) -> Private {
        if self.allow_private_addresses { Private::Allowed } else { Private::Refused }
    }
}
