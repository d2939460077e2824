//! Deskbridge.
