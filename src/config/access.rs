//! What a client of the REST API brings along.

use super::Secret;

/// `DESKBRIDGE_TOKEN`: the token of programs such as `deskbridge sync`. From the environment alone: the configuration file is
/// the server's.
#[must_use]
pub fn token() -> Option<Secret> {
    let token = std::env::var_os("DESKBRIDGE_TOKEN")?.to_string_lossy().trim().to_owned();
    (!token.is_empty()).then_some(Secret(token))
}
