//! Who holds a token: by which rules it is checked.
//!
//! The token's algorithm only says whose rules apply. HS256 is our own secret's and nothing else's, so a provider's public key is
//! never the secret of a token; RS256 and ES256 are the provider's, and there the key says which of the two it is for.

use jsonwebtoken::Algorithm;

use super::{Programs, TokenError, Tokens, provider::Provider, token};
use crate::helpdesk::{Caller, PREFIX};

/// All that can let somebody in. Clones share it. By default nobody gets in.
#[derive(Clone, Debug, Default)]
pub struct Identity {
    tokens: Option<Tokens>,
    provider: Option<Provider>,
    programs: Option<Programs>,
}

impl Identity {
    /// By tokens of our own, by those of a provider, or by both.
    #[must_use]
    pub fn new(tokens: Option<Tokens>, provider: Option<Provider>) -> Self {
        Self { tokens, provider, programs: None }
    }

    /// By keys of programs as well.
    #[must_use]
    pub fn with_programs(self, programs: Programs) -> Self {
        Self { programs: Some(programs), ..self }
    }

    /// Who holds this token.
    pub(super) async fn check(&self, token: &str) -> Result<Caller, TokenError> {
        // No JWT begins like that: its first letters are those of `{"`.
        if token.starts_with(PREFIX) {
            return match &self.programs {
                Some(programs) => programs.check(token).await,
                None => Err(TokenError::Invalid),
            };
        }
        let header = token::header(token)?;
        match (header.alg, &self.tokens, &self.provider) {
            (Algorithm::HS256, Some(tokens), _) => tokens.check(token),
            (Algorithm::RS256 | Algorithm::ES256, _, Some(provider)) => provider.check(token, &header).await,
            _ => Err(TokenError::Invalid),
        }
    }
}
