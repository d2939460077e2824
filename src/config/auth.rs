//! `[auth]`: how callers of the REST API are known.

use std::{collections::BTreeMap, net::IpAddr};

use reqwest::Url;
use serde::{Deserialize, Deserializer, de::Error as _};
use toml::Value;

use super::{
    Error, Secret,
    value::{boolean, list},
};

/// `[auth]`.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Auth {
    /// The key of HS256 tokens.
    pub jwt_secret: Option<Secret>,
    /// Where an identity provider publishes its keys (RFC 7517 §5).
    pub jwks_url: Option<String>,
    /// The `iss` of the provider's tokens.
    pub issuer: Option<String>,
    /// Whom they must be for (`aud`): one of these.
    #[serde(deserialize_with = "list")]
    pub audience: Vec<String>,
    /// Where its tokens say what.
    pub claims: ClaimNames,
    /// What its words for roles mean here.
    #[serde(deserialize_with = "roles")]
    pub roles: BTreeMap<String, RoleWord>,
    /// Whether an address in a claim `email` counts although the provider has not verified it.
    #[serde(deserialize_with = "boolean")]
    pub unverified_email: bool,
}

/// `[auth.claims]`: where a provider's tokens say what. A name is that of a claim, or a path of names with dots between.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ClaimNames {
    /// The id of agents, admins and programs.
    pub sub: String,
    /// A customer's bare JID; without it `sub` has that, too.
    pub jid: Option<String>,
    /// The name that others see.
    pub name: String,
    /// The provider's words for roles: one, or a list.
    pub roles: String,
    /// The desks an agent is limited to. Named, it is what every agent needs; without it `desks` limits those who have it.
    pub desks: Option<String>,
    /// What a program may do.
    pub scopes: String,
}

impl Default for ClaimNames {
    /// As in RFC 9068 §2.2, where it has a name.
    fn default() -> Self {
        let own = str::to_owned;
        Self { sub: own("sub"), jid: None, name: own("name"), roles: own("roles"), desks: None, scopes: own("scope") }
    }
}

/// A role as the configuration spells it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
#[expect(missing_docs, reason = "the words say what they are; `helpdesk::Role` says what they may do")]
pub enum RoleWord {
    Customer,
    Agent,
    Admin,
    Service,
}

/// An identity provider, with all that it takes to believe its tokens.
#[derive(Clone, Debug)]
pub struct Provider {
    /// Where its keys are.
    pub jwks_url: String,
    /// Its `iss`.
    pub issuer: String,
    /// One of these must be in `aud`; not empty.
    pub audience: Vec<String>,
    /// Where its tokens say what.
    pub claims: ClaimNames,
    /// What its words for roles mean; not empty.
    pub roles: BTreeMap<String, RoleWord>,
    /// Whether `email` counts unverified.
    pub unverified_email: bool,
}

impl Auth {
    /// The identity provider, if there is one.
    ///
    /// # Errors
    /// [`Error`] when something that is needed to believe it is missing, or stands there without it.
    pub fn provider(&self) -> Result<Option<Provider>, Error> {
        let Some(jwks_url) = filled(self.jwks_url.as_deref()) else { return self.nothing_for_a_provider() };
        check_url(jwks_url)?;
        let issuer = filled(self.issuer.as_deref()).ok_or_else(|| {
            let problem = "is needed with auth.jwks_url: it is the `iss` of the provider's tokens, and without it those of any \
                           other issuer with the same keys would count";
            Error::key("auth.issuer", problem)
        })?;
        if self.audience.iter().all(|audience| audience.trim().is_empty()) {
            let problem = "is needed with auth.jwks_url: it is the `aud` of tokens made for Deskbridge, and without it a token that \
                           somebody gave to any other program of the provider's would open this one";
            return Err(Error::key("auth.audience", problem));
        }
        if self.roles.is_empty() {
            let problem = "is needed with auth.jwks_url: it says which of the provider's roles is which here, as in \
                           \"helpdesk-agent\" = \"agent\"; without it nobody gets in";
            return Err(Error::key("auth.roles", problem));
        }
        self.claims.check()?;
        Ok(Some(Provider {
            jwks_url: jwks_url.to_owned(),
            issuer: issuer.to_owned(),
            audience: self.audience.clone(),
            claims: self.claims.clone(),
            roles: self.roles.clone(),
            unverified_email: self.unverified_email,
        }))
    }

    /// Who sets these means them to be checked.
    fn nothing_for_a_provider(&self) -> Result<Option<Provider>, Error> {
        let set = [
            ("auth.issuer", self.issuer.is_some()),
            ("auth.audience", !self.audience.is_empty()),
            ("auth.claims", self.claims != ClaimNames::default()),
            ("auth.roles", !self.roles.is_empty()),
            ("auth.unverified_email", self.unverified_email),
        ];
        match set.into_iter().find(|(_, is_set)| *is_set) {
            Some((key, _)) => Err(Error::key(
                key,
                "counts for the tokens of an identity provider alone, and auth.jwks_url is not set",
            )),
            None => Ok(None),
        }
    }
}

impl ClaimNames {
    fn check(&self) -> Result<(), Error> {
        let (jid, desks) = (self.jid.as_ref().unwrap_or(&self.sub), self.desks.as_ref().unwrap_or(&self.sub));
        let names = [
            ("sub", &self.sub),
            ("jid", jid),
            ("name", &self.name),
            ("roles", &self.roles),
            ("desks", desks),
            ("scopes", &self.scopes),
        ];
        match names.into_iter().find(|(_, name)| name.trim().is_empty()) {
            Some((key, _)) => Err(Error::key(format!("auth.claims.{key}"), "must be the name of a claim")),
            None => Ok(()),
        }
    }
}

fn filled(text: Option<&str>) -> Option<&str> {
    text.map(str::trim).filter(|text| !text.is_empty())
}

/// Whoever stands between could put keys of his own there: only TLS, or this machine.
fn check_url(text: &str) -> Result<(), Error> {
    let refuse = |problem: &str| Err(Error::key("auth.jwks_url", problem));
    let Ok(url) = Url::parse(text) else { return refuse("must be an address such as https://id.example.org/certs") };
    if !url.username().is_empty() || url.password().is_some() {
        return refuse("must not have a password in it");
    }
    let host = url.host_str().unwrap_or_default().trim_matches(['[', ']']);
    let is_local = host == "localhost" || host.parse::<IpAddr>().is_ok_and(|address| address.is_loopback());
    match url.scheme() {
        "https" => Ok(()),
        "http" if is_local => Ok(()),
        _ => refuse("must start with https:// (http:// only for this machine), for the keys decide who gets in"),
    }
}

/// A table, or its text as the environment has it: `helpdesk-agent=agent; boss=admin`.
fn roles<'de, D: Deserializer<'de>>(deserializer: D) -> Result<BTreeMap<String, RoleWord>, D::Error> {
    match Value::deserialize(deserializer)? {
        Value::String(text) => {
            let pairs = text.split(';').map(str::trim).filter(|pair| !pair.is_empty());
            pairs
                .map(|pair| {
                    let (theirs, ours) = pair
                        .rsplit_once('=')
                        .ok_or_else(|| D::Error::custom(format!("'{pair}' is no pair such as helpdesk-agent=agent")))?;
                    Ok((theirs.trim().to_owned(), word(ours.trim().to_owned().into())?))
                })
                .collect()
        }
        Value::Table(table) => table.into_iter().map(|(theirs, ours)| Ok((theirs, word(ours)?))).collect(),
        other => Err(D::Error::custom(format!("must be a table, not {}", other.type_str()))),
    }
}

fn word<E: serde::de::Error>(value: Value) -> Result<RoleWord, E> {
    RoleWord::deserialize(value).map_err(|error| E::custom(error.message()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::tests::{complaint, parse};

    const WHOLE: &str = "[auth]\njwks_url = \"https://id.example.org/certs\"\nissuer = \"https://id.example.org\"\n\
                         audience = \"deskbridge\"\n[auth.roles]\n\"helpdesk-agent\" = \"agent\"\n";

    #[test]
    fn a_provider_takes_the_place_of_the_secret_and_has_names_of_claims_by_default() {
        let provider = parse(WHOLE, &[]).unwrap().auth.provider().unwrap().unwrap();
        assert_eq!(
            (provider.issuer.as_str(), &provider.audience[..]),
            ("https://id.example.org", &["deskbridge".to_owned()][..])
        );
        assert_eq!(provider.claims, ClaimNames::default());
        assert_eq!(provider.roles["helpdesk-agent"], RoleWord::Agent);
        assert!(parse("[auth]\njwt_secret = \"x\"", &[]).unwrap().auth.provider().unwrap().is_none());
        let vars = [
            ("DESKBRIDGE_AUTH__AUDIENCE", "one; two"),
            ("DESKBRIDGE_AUTH__ROLES", "a=b=customer; boss = admin"),
            ("DESKBRIDGE_AUTH__CLAIMS__JID", "email"),
        ];
        let provider = parse(WHOLE, &vars).unwrap().auth.provider().unwrap().unwrap();
        assert_eq!(provider.audience, ["one", "two"]);
        assert_eq!((provider.roles["a=b"], provider.roles["boss"]), (RoleWord::Customer, RoleWord::Admin));
        assert_eq!(provider.claims.jid.as_deref(), Some("email"));
    }

    #[test]
    fn keys_without_issuer_audience_or_roles_are_refused_and_so_are_those_without_keys() {
        for (line, key) in [("issuer", "auth.issuer"), ("audience", "auth.audience"), ("\"helpdesk", "auth.roles")] {
            let text: Vec<&str> = WHOLE.lines().filter(|kept| !kept.starts_with(line)).collect();
            let message = complaint(&text.join("\n"), &[]);
            assert!(message.contains(key) && message.contains("auth.jwks_url"), "{message}");
        }
        for lonely in ["issuer = \"x\"", "audience = \"x\"", "roles = \"a=agent\"", "claims.sub = \"x\""] {
            let message = complaint(&format!("[auth]\n{lonely}"), &[]);
            assert!(message.contains("auth.jwks_url is not set"), "{message}");
        }
        for (file, key) in [
            ("[auth.roles]\na = \"owner\"", "auth.roles"),
            ("[auth]\nroles = \"agent\"", "auth.roles"),
            ("[auth.claims]\nrole = \"x\"", "auth.claims.role"),
            ("[auth]\njwks_uri = \"x\"", "auth.jwks_uri"),
        ] {
            assert!(complaint(file, &[]).contains(key), "{}", complaint(file, &[]));
        }
        assert!(complaint(WHOLE, &[("DESKBRIDGE_AUTH__CLAIMS__ROLES", " ")]).contains("auth.claims.roles"));
    }

    #[test]
    fn keys_come_by_tls_or_from_this_machine() {
        let with = |url: &str| parse(WHOLE, &[("DESKBRIDGE_AUTH__JWKS_URL", url)]);
        for url in ["https://id.example.org/certs", "http://127.0.0.1:8080/x", "http://localhost/x", "http://[::1]:1/x"]
        {
            assert!(with(url).is_ok(), "{url}");
        }
        for url in [
            "http://id.example.org/certs",
            "http://127.0.0.1.example.org/",
            "http://localhost.example.org/",
            "http://10.0.0.1/x",
            "https://me:pw@id.example.org/",
            "file:///etc/passwd",
            "certs",
        ] {
            let message = with(url).unwrap_err().to_string();
            assert!(message.contains("auth.jwks_url") && !message.contains("pw"), "{message}");
        }
    }
}
