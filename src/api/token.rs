//! Our own bearer tokens, JWT (RFC 7519) signed with HS256, and what makes a caller of any token's claims.

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use jid::BareJid;
use jsonwebtoken::{
    Algorithm, DecodingKey, EncodingKey, Header, Validation, decode, decode_header, encode, errors::ErrorKind,
};
use serde::{Deserialize, Serialize};

use crate::helpdesk::{Caller, Role, is_settled};

/// How far clocks may differ, in seconds.
pub(super) const LEEWAY: u64 = 30;
/// The longest `sub` and `name`, in bytes: a bare JID is not longer (RFC 7622 §3.1).
const MAX_NAME: usize = 2047;

/// Makes and checks tokens. Clones share the key.
#[derive(Clone)]
pub struct Tokens {
    sign: EncodingKey,
    verify: DecodingKey,
    rules: Validation,
}

impl std::fmt::Debug for Tokens {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        // Never the key.
        f.write_str("Tokens")
    }
}

/// What a token says.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Claims {
    /// A customer's bare JID, or an agent's or program's id.
    pub sub: String,
    /// `customer`, `agent`, `admin` or `service`.
    #[serde(with = "RoleWord")]
    pub role: Role,
    /// Until when it holds, in seconds since 1970 (UTC).
    pub exp: u64,
    /// The name others see.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// The desks an agent is limited to; without it, all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub desks: Option<Vec<String>>,
    /// What a program may do, such as `tickets:read`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub scopes: Vec<String>,
}

#[derive(Serialize, Deserialize)]
#[serde(remote = "Role", rename_all = "lowercase")]
enum RoleWord {
    Customer,
    Agent,
    Admin,
    Service,
}

/// Why a token does not let anybody in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TokenError {
    /// There is none.
    #[error("a token is needed: Authorization: Bearer <JWT or key>")]
    Missing,
    /// The header holds something else than one bearer token.
    #[error("the header Authorization must be: Bearer <JWT or key>")]
    Unreadable,
    /// Its time is over.
    #[error("the token has expired")]
    Expired,
    /// Its time has not come (`nbf`).
    #[error("the token is not valid yet")]
    NotYet,
    /// Not ours, altered, or of another kind. To say more would help only those who forge.
    #[error("the token is not valid")]
    Invalid,
    /// It is ours but lacks a claim, or has one of a wrong form.
    #[error("the token's claims are not valid: sub, role and exp are needed, and a customer's sub is a bare JID")]
    Claims,
    /// The identity provider's, and it lacks a claim, or has one of a wrong form.
    #[error(
        "the token's claims are not valid: iss, aud, exp and the id that auth.claims names are needed, and a customer's is a \
         bare JID"
    )]
    ProviderClaims,
    /// The provider's, for somebody else, or by another issuer with the same keys.
    #[error("the token was made by another issuer, or for another audience")]
    Elsewhere,
    /// The provider's, and the address in it may be anybody's.
    #[error("the identity provider has not verified the e-mail address in the token")]
    Unverified,
    /// The key of a program, ended by somebody.
    #[error("the key was revoked")]
    Revoked,
    /// The provider's, and sound, but for somebody without a role here.
    #[error("the token names no role that counts here (auth.roles)")]
    NoRole,
    /// It cannot be checked now.
    #[error("the token cannot be checked now; please try again in a few seconds")]
    Unavailable,
    /// It could not be signed.
    #[error("the token could not be signed")]
    Unsigned,
}

impl Tokens {
    /// Tokens signed with `secret`, which should have at least 32 random bytes (RFC 7518 §3.2).
    #[must_use]
    pub fn new(secret: &str) -> Self {
        let mut rules = Validation::new(Algorithm::HS256);
        rules.leeway = LEEWAY;
        rules.validate_nbf = true;
        rules.set_required_spec_claims(&["exp", "sub"]);
        let secret = secret.as_bytes();
        Self { sign: EncodingKey::from_secret(secret), verify: DecodingKey::from_secret(secret), rules }
    }

    /// Makes a token.
    ///
    /// # Errors
    /// [`TokenError::Claims`] for claims that [`Tokens::check`] would refuse, [`TokenError::Unsigned`] when the
    /// signing fails.
    pub fn mint(&self, claims: &Claims) -> Result<String, TokenError> {
        caller(claims.clone())?;
        encode(&Header::new(Algorithm::HS256), claims, &self.sign).map_err(|_| TokenError::Unsigned)
    }

    /// Who holds this token.
    ///
    /// # Errors
    /// [`TokenError`] unless it is signed by us with HS256, in its time, and names somebody.
    pub fn check(&self, token: &str) -> Result<Caller, TokenError> {
        header(token)?;
        // As plain JSON first: only then is a wrong claim told apart from a header that makes no sense.
        let decoded = decode::<serde_json::Value>(token, &self.verify, &self.rules)
            .map_err(|error| refusal(error.kind(), TokenError::Claims))?;
        caller(serde_json::from_value(decoded.claims).map_err(|_| TokenError::Claims)?)
    }
}

/// Until when a token holds, in seconds since 1970 with all leeway, whoever signed it: only of one that was checked.
pub(super) fn holds_until(checked: &str) -> Option<u64> {
    #[derive(Deserialize)]
    struct Until {
        exp: f64,
    }
    let payload = checked.split('.').nth(1)?;
    let Until { exp } = serde_json::from_slice(&URL_SAFE_NO_PAD.decode(payload).ok()?).ok()?;
    // A date may have a fraction (RFC 7519 §2). The cast saturates.
    Some((exp as u64).saturating_add(LEEWAY))
}

/// The header, of which nothing is believed: it only says which rules are asked. One with `crit` demands to be understood, and
/// we understand no extension (RFC 7515 §4.1.11).
pub(super) fn header(token: &str) -> Result<Header, TokenError> {
    let header = decode_header(token).map_err(|_| TokenError::Invalid)?;
    if header.crit.is_some() { Err(TokenError::Invalid) } else { Ok(header) }
}

/// What to say of a token that the library refuses. What is wrong with claims is said to who has a sound signature only.
pub(super) fn refusal(kind: &ErrorKind, claims: TokenError) -> TokenError {
    match kind {
        ErrorKind::ExpiredSignature => TokenError::Expired,
        ErrorKind::ImmatureSignature => TokenError::NotYet,
        ErrorKind::MissingRequiredClaim(_) | ErrorKind::InvalidClaimFormat(_) => claims,
        ErrorKind::InvalidAudience => TokenError::Elsewhere,
        _ => TokenError::Invalid,
    }
}

/// Who the claims speak of.
pub(super) fn caller(claims: Claims) -> Result<Caller, TokenError> {
    let Claims { sub, role, name, desks, scopes, .. } = claims;
    let is_clean = |text: &str| text.len() <= MAX_NAME && !text.chars().any(char::is_control);
    if sub.trim().is_empty() || !is_clean(&sub) || !name.as_deref().is_none_or(is_clean) {
        return Err(TokenError::Claims);
    }
    let id = match role {
        Role::Customer => customer(&sub).ok_or(TokenError::Claims)?.to_string(),
        Role::Agent | Role::Admin | Role::Service => sub,
    };
    let name = name.filter(|name| !name.trim().is_empty());
    Ok(Caller { id, name, role, desks, scopes })
}

/// A customer is a bare JID with a localpart, in its normal form: tickets are found by it.
fn customer(sub: &str) -> Option<BareJid> {
    BareJid::new(sub).ok().filter(|jid| jid.node().is_some() && is_settled(&jid.clone().into()))
}
