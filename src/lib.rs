//! Deskbridge.
pub mod assistant;
pub mod helpdesk;
pub mod knowledge;
