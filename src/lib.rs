//! Deskbridge.
pub mod helpdesk;
