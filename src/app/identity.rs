//! Who is let in over REST, as `[auth]` says.

use anyhow::Context;

use crate::{
    api::{
        Identity, Tokens,
        provider::{ClaimNames, Mapping, Provider, Source},
    },
    config::{self, Config, RoleWord},
    helpdesk::Role,
};

/// How callers are known: by the secret, by a provider's keys, or by both. The provider is given beside, for who keeps its keys.
///
/// # Errors
/// When neither is configured, or the provider's address is unusable.
pub(super) fn identity(config: &Config) -> anyhow::Result<(Identity, Option<Provider>)> {
    let Some(provider) = config.auth.provider()? else {
        return Ok((Identity::new(Some(Tokens::new(config.jwt_secret()?.expose())), None), None));
    };
    let secret = config.auth.jwt_secret.is_some().then(|| config.jwt_secret()).transpose()?;
    let tokens = secret.map(|secret| Tokens::new(secret.expose()));
    let source = source(&provider)?;
    let provider = Provider::new(source, provider.issuer.clone(), provider.audience.clone(), mapping(provider));
    Ok((Identity::new(tokens, Some(provider.clone())), Some(provider)))
}

/// Where the provider's keys are.
///
/// # Errors
/// When the address is unusable.
pub fn source(provider: &config::Provider) -> anyhow::Result<Source> {
    Source::new(&provider.jwks_url).context("the identity provider's keys cannot be asked for (auth.jwks_url)")
}

fn mapping(provider: config::Provider) -> Mapping {
    let config::ClaimNames { sub, jid, name, roles, desks, scopes } = provider.claims;
    let ours = |word| match word {
        RoleWord::Customer => Role::Customer,
        RoleWord::Agent => Role::Agent,
        RoleWord::Admin => Role::Admin,
        RoleWord::Service => Role::Service,
    };
    Mapping {
        claims: ClaimNames { jid: jid.unwrap_or_else(|| sub.clone()), sub, name, roles, desks, scopes },
        roles: provider.roles.into_iter().map(|(theirs, word)| (theirs, ours(word))).collect(),
        unverified_email: provider.unverified_email,
    }
}
