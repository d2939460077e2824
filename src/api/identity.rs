//! Who holds a token: by which rules it is checked.
//!
//! The token's algorithm only says whose rules apply. HS256 is our own secret's and nothing else's, so a provider's public key is
//! never the secret of a token; RS256 and ES256 are the provider's, and there the key says which of the two it is for.

use jsonwebtoken::Algorithm;

use super::{TokenError, Tokens, provider::Provider, token};
use crate::helpdesk::Caller;

/// All that can let somebody in. Clones share it. By default nobody gets in.
#[derive(Clone, Debug, Default)]
pub struct Identity {
    tokens: Option<Tokens>,
    provider: Option<Provider>,
}

impl Identity {
    /// By tokens of our own, by those of a provider, or by both.
    #[must_use]
    pub fn new(tokens: Option<Tokens>, provider: Option<Provider>) -> Self {
        Self { tokens, provider }
    }

    /// Who holds this token.
    pub(super) async fn check(&self, token: &str) -> Result<Caller, TokenError> {
        let header = token::header(token)?;
        match (header.alg, &self.tokens, &self.provider) {
            (Algorithm::HS256, Some(tokens), _) => tokens.check(token),
            (Algorithm::RS256 | Algorithm::ES256, _, Some(provider)) => provider.check(token, &header).await,
            _ => Err(TokenError::Invalid),
        }
    }
}
