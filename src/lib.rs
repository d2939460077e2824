//! Deskbridge.

pub mod xmpp;
