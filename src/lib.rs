//! Deskbridge.
pub mod helpdesk;
pub mod knowledge;
