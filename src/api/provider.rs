//! Tokens of an identity provider: JWT signed with RS256 or ES256, by keys that the provider publishes (RFC 7517).
//!
//! `source` fetches the keys, `keys` says which of them can be used, `ring` holds them and has them fetched anew, `mapping` makes a
//! caller of a token's claims. Nothing in a token's header is believed but the name of a key that we have already: no key or address that comes along
//! (`jwk`, `jku`, `x5c`, `x5u`) is looked at.

mod keys;
mod mapping;
mod ring;
mod source;

use std::sync::Arc;

use jsonwebtoken::{Header, Validation, decode};
use serde_json::Value;
use tokio_util::sync::CancellationToken;

use super::{TokenError, token};
use crate::{health::Health, helpdesk::Caller, metrics};

pub use mapping::{ClaimNames, Mapping};
pub use source::{FetchError, Source};

use ring::Ring;

/// An identity provider. Clones share its keys.
#[derive(Clone, Debug)]
pub struct Provider(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    ring: Ring,
    issuer: String,
    audience: Vec<String>,
    mapping: Mapping,
}

impl Provider {
    /// The provider at `source`, whose tokens have `issuer` and, among others, one of `audience`. There are no keys before
    /// [`Provider::keep`] has fetched them.
    #[must_use]
    pub fn new(source: Source, issuer: String, audience: Vec<String>, mapping: Mapping) -> Self {
        Self(Arc::new(Inner { ring: Ring::new(source), issuer, audience, mapping }))
    }

    /// As it is, but unknown keys are asked for this often.
    #[cfg(test)]
    pub(super) fn asking_each(mut self, time: std::time::Duration) -> Self {
        Arc::get_mut(&mut self.0).unwrap().ring.once = time;
        self
    }

    /// Fetches the keys, at once and again and again until `stop`, and says how that goes.
    pub async fn keep(self, health: Health, counts: metrics::Identity, stop: CancellationToken) {
        stop.run_until_cancelled(self.0.ring.keep(&health, &counts)).await;
    }

    /// Who holds this token, whose header is `header`.
    pub(super) async fn check(&self, token: &str, header: &Header) -> Result<Caller, TokenError> {
        let Inner { ring, issuer, audience, mapping } = &*self.0;
        if !header.typ.as_deref().is_none_or(is_plain) {
            return Err(TokenError::Invalid);
        }
        let key = ring.find(header.kid.as_deref(), header.alg).await?;
        let mut rules = Validation::new(key.algorithm);
        rules.leeway = token::LEEWAY;
        rules.validate_nbf = true;
        rules.set_audience(audience);
        rules.set_required_spec_claims(&["exp", "iss", "aud"]);
        let decoded = decode::<Value>(token, &key.verify, &rules)
            .map_err(|error| token::refusal(error.kind(), TokenError::ProviderClaims))?;
        // One text (RFC 7519 §4.1.1): the library would take a list with ours among others.
        if decoded.claims["iss"].as_str() != Some(issuer) {
            return Err(TokenError::Elsewhere);
        }
        mapping.caller(&decoded.claims)
    }
}

/// The types of tokens for APIs (RFC 7519 §5.1, RFC 9068 §2.1). Providers sign other things with the same keys, such as events
/// (`secevent+jwt`) or the end of a session (`logout+jwt`).
fn is_plain(typ: &str) -> bool {
    ["jwt", "at+jwt", "application/jwt", "application/at+jwt"].iter().any(|known| typ.eq_ignore_ascii_case(known))
}
