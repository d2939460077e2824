//! From a provider's claims to a caller, as the operator has configured it. What is not configured gives nothing.

use std::collections::BTreeMap;

use serde_json::Value;

use super::super::token::{Claims, TokenError, caller};
use crate::helpdesk::{Caller, Role};

/// Where a provider's tokens say what: the names of claims, or paths of them with dots between, such as `realm_access.roles`.
#[derive(Clone, Debug)]
pub struct ClaimNames {
    /// The id of agents, admins and programs.
    pub sub: String,
    /// A customer's bare JID.
    pub jid: String,
    /// The name that others see.
    pub name: String,
    /// Words for roles: one, or a list.
    pub roles: String,
    /// The desks an agent is limited to: a list, or words with spaces between. Where the operator names it, an agent without it
    /// has none; where not, it is `desks`, and an agent without it has all.
    pub desks: Option<String>,
    /// What a program may do, likewise (RFC 9068 §2.2.3).
    pub scopes: String,
}

/// Where desks are looked for when the operator does not say.
const DESKS: &str = "desks";

/// Makes callers of claims.
#[derive(Clone, Debug)]
pub struct Mapping {
    /// Where they say what.
    pub claims: ClaimNames,
    /// The provider's words for roles, and ours.
    pub roles: BTreeMap<String, Role>,
    /// Whether an address that the provider has not verified counts.
    pub unverified_email: bool,
}

/// Who has several roles has the first of these: a person before a program, and whoever works here before a customer, because providers
/// give everybody, programs too, the role of those who only have an account.
const ORDER: [Role; 4] = [Role::Admin, Role::Agent, Role::Service, Role::Customer];

impl Mapping {
    /// Who the claims speak of.
    pub(super) fn caller(&self, claims: &Value) -> Result<Caller, TokenError> {
        // Beside a token for APIs, Keycloak signs others with the same keys and for the same audience.
        if matches!(claims["typ"].as_str(), Some("ID" | "Refresh" | "Offline" | "Logout")) {
            return Err(TokenError::Invalid);
        }
        let names = &self.claims;
        let role = self.role(claims)?;
        let place = if role == Role::Customer { &names.jid } else { &names.sub };
        let id = at(claims, place).and_then(Value::as_str).ok_or(TokenError::ProviderClaims)?;
        if !self.unverified_email && !is_verified(claims, place) {
            return Err(TokenError::Unverified);
        }
        let said = Claims {
            sub: id.to_owned(),
            role,
            exp: 0,
            name: at(claims, &names.name).and_then(Value::as_str).map(str::to_owned),
            desks: self.desks(role, claims)?,
            scopes: at(claims, &names.scopes).and_then(list).unwrap_or_default(),
        };
        let spelled = said.sub.to_lowercase();
        let caller = caller(said).map_err(|_| TokenError::ProviderClaims)?;
        // What is another name to the provider (ａnn@, an\u{ad}n@) must not become Ann by being normalised.
        if caller.role == Role::Customer && caller.id != spelled {
            return Err(TokenError::ProviderClaims);
        }
        Ok(caller)
    }

    /// `None` is every desk.
    fn desks(&self, role: Role, claims: &Value) -> Result<Option<Vec<String>>, TokenError> {
        let named = self.claims.desks.as_deref();
        match at(claims, named.unwrap_or(DESKS)) {
            Some(desks) => list(desks).map(Some).ok_or(TokenError::ProviderClaims),
            None => Ok(named.filter(|_| role == Role::Agent).map(|_| Vec::new())),
        }
    }

    fn role(&self, claims: &Value) -> Result<Role, TokenError> {
        let said = at(claims, &self.claims.roles);
        let words = match said {
            Some(Value::String(word)) => vec![word.as_str()],
            Some(Value::Array(words)) => words.iter().filter_map(Value::as_str).collect(),
            _ => Vec::new(),
        };
        let ours: Vec<Role> = words.into_iter().filter_map(|word| self.roles.get(word).copied()).collect();
        ORDER.into_iter().find(|role| ours.contains(role)).ok_or(TokenError::NoRole)
    }
}

/// What stands at a path. A name may itself have dots in it, as `https://example.org/roles` has, so the whole rest of the path is
/// looked for first.
fn at<'a>(value: &'a Value, path: &str) -> Option<&'a Value> {
    let names = value.as_object()?;
    let found = names
        .get(path)
        .or_else(|| path.match_indices('.').find_map(|(dot, _)| at(names.get(&path[..dot])?, &path[dot + 1..])));
    found.filter(|found| !found.is_null())
}

/// A list of words, or words with spaces between; `None` for anything else.
fn list(value: &Value) -> Option<Vec<String>> {
    match value {
        Value::String(words) => Some(words.split_whitespace().map(str::to_owned).collect()),
        Value::Array(words) => words.iter().map(|word| word.as_str().map(str::to_owned)).collect(),
        _ => None,
    }
}

/// An address in a claim `email` is whatever somebody typed into a form, until `email_verified` beside it says otherwise (OpenID Connect
/// Core §5.1); some providers say so as a text.
fn is_verified(claims: &Value, place: &str) -> bool {
    let name = place.rsplit(['.', '/', ':']).next().unwrap_or(place);
    if !name.eq_ignore_ascii_case("email") {
        return true;
    }
    match at(claims, &format!("{}email_verified", &place[..place.len() - name.len()])) {
        Some(Value::Bool(verified)) => *verified,
        Some(Value::String(word)) => word == "true",
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn mapping() -> Mapping {
        let own = str::to_owned;
        let claims = ClaimNames {
            sub: own("sub"),
            jid: own("email"),
            name: own("name"),
            roles: own("realm_access.roles"),
            desks: None,
            scopes: own("scope"),
        };
        let roles = [
            ("boss", Role::Admin),
            ("helper", Role::Agent),
            ("cron", Role::Service),
            ("default-roles-tea", Role::Customer),
        ];
        Mapping { claims, roles: roles.map(|(word, role)| (own(word), role)).into(), unverified_email: false }
    }

    fn with(more: &Value) -> Value {
        let mut claims = json!({ "sub": "f3c1", "email": "ann@example.com", "email_verified": true, "name": "Ann" });
        claims.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        claims
    }

    #[test]
    fn the_most_of_somebodys_roles_counts_and_without_one_nobody_gets_in() {
        for (roles, role) in [
            (json!(["helper", "boss", "default-roles-tea"]), Role::Admin),
            (json!(["default-roles-tea", "cron", "helper"]), Role::Agent),
            (json!(["default-roles-tea", "offline_access", "cron"]), Role::Service),
            (json!(["default-roles-tea"]), Role::Customer),
            (json!("helper"), Role::Agent),
            (json!([3, null, "helper"]), Role::Agent),
        ] {
            let caller = mapping().caller(&with(&json!({ "realm_access": { "roles": roles } }))).unwrap();
            assert_eq!(caller.role, role, "{roles}");
            assert_eq!(caller.id, if role == Role::Customer { "ann@example.com" } else { "f3c1" });
        }
        for roles in
            [json!([]), json!(["Helper"]), json!("helper boss"), json!({ "helper": true }), json!(null), json!(true)]
        {
            let refused = mapping().caller(&with(&json!({ "realm_access": { "roles": roles } })));
            assert_eq!(refused.unwrap_err(), TokenError::NoRole, "{roles}");
        }
        // Neither our own word for it nor the word at another place.
        for claims in [json!({ "role": "admin", "roles": ["boss"] }), json!({ "realm_access": ["boss"] })] {
            assert_eq!(mapping().caller(&with(&claims)).unwrap_err(), TokenError::NoRole);
        }
    }

    #[test]
    fn an_address_counts_when_it_is_verified_and_is_a_customers_bare_jid() {
        let customer = json!({ "realm_access": { "roles": ["default-roles-tea"] } });
        let said = |more: Value| {
            let mut claims = with(&customer);
            claims.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
            claims
        };
        for verified in [json!(true), json!("true")] {
            assert!(mapping().caller(&said(json!({ "email_verified": verified }))).is_ok(), "{verified}");
        }
        for verified in [json!(false), json!("false"), json!(null), json!(1), json!("yes"), json!([true])] {
            let claims = said(json!({ "email_verified": verified }));
            assert_eq!(mapping().caller(&claims).unwrap_err(), TokenError::Unverified, "{verified}");
            assert!(Mapping { unverified_email: true, ..mapping() }.caller(&claims).is_ok());
        }
        for email in
            [json!("example.com"), json!("ann@example.com/phone"), json!("ann"), json!(""), json!(["ann@example.com"])]
        {
            let refused = mapping().caller(&said(json!({ "email": email })));
            assert_eq!(refused.unwrap_err(), TokenError::ProviderClaims, "{email}");
        }
        assert_eq!(mapping().caller(&said(json!({ "email": "Ann@Example.COM" }))).unwrap().id, "ann@example.com");
        // Another name there, the same one when it is normalised.
        for email in [
            "\u{ff41}nn@example.com",
            "an\u{ad}n@example.com",
            "a\u{200b}nn@example.com",
            "ann@example\u{3002}com",
            "ann@example.com.",
        ] {
            let refused = mapping().caller(&said(json!({ "email": email })));
            assert_eq!(refused.unwrap_err(), TokenError::ProviderClaims, "{email}");
        }
        // Beside it, not anywhere: a person may write into claims of another place.
        let deep = |claims: Value| {
            let names = ClaimNames { jid: "context.user.email".to_owned(), ..mapping().claims };
            Mapping { claims: names, ..mapping() }.caller(&said(json!({ "context": { "user": claims } })))
        };
        assert_eq!(deep(json!({ "email": "bob@example.com" })).unwrap_err(), TokenError::Unverified);
        assert_eq!(deep(json!({ "email": "bob@example.com", "email_verified": true })).unwrap().id, "bob@example.com");
    }

    #[test]
    fn desks_and_scopes_are_lists_or_words_and_a_wrong_kind_of_desks_is_not_all_desks() {
        let said = |role: &str, more: Value| {
            let mut claims = with(&json!({ "realm_access": { "roles": [role] } }));
            claims.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
            mapping().caller(&claims)
        };
        let desks = |desks: Value| said("helper", json!({ "desks": desks })).map(|caller| caller.desks);
        assert_eq!(desks(json!(["billing"])).unwrap(), Some(vec!["billing".to_owned()]));
        assert_eq!(desks(json!("billing support")).unwrap(), Some(vec!["billing".to_owned(), "support".to_owned()]));
        assert_eq!(desks(json!([])).unwrap(), Some(vec![]));
        assert_eq!(desks(json!(null)).unwrap(), None);
        // Where the claim is named, who lacks it has no desk, but an admin has all anyway.
        let claims = ClaimNames { desks: Some("groups".to_owned()), ..mapping().claims };
        let strict = Mapping { claims, ..mapping() };
        for (more, expected) in [
            (json!({}), vec![]),
            (json!({ "groups": null }), vec![]),
            (json!({ "desks": ["billing"] }), vec![]),
            (json!({ "groups": ["billing"] }), vec!["billing".to_owned()]),
        ] {
            let mut claims = with(&json!({ "realm_access": { "roles": ["helper"] } }));
            claims.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
            let caller = strict.caller(&claims).unwrap();
            assert_eq!(caller.desks, Some(expected), "{more}");
            assert_eq!((caller.serves("support"), caller.serves("billing")), (false, more["groups"].is_array()));
        }
        let boss = strict.caller(&with(&json!({ "realm_access": { "roles": ["boss"] } }))).unwrap();
        assert!(boss.serves("support"));
        for wrong in [json!(3), json!({}), json!(["billing", 3]), json!(false)] {
            assert_eq!(desks(wrong.clone()).unwrap_err(), TokenError::ProviderClaims, "{wrong}");
        }
        let scopes = |scopes: Value| said("cron", json!({ "scope": scopes })).unwrap().scopes;
        assert_eq!(scopes(json!("openid tickets:read")), ["openid", "tickets:read"]);
        assert_eq!(scopes(json!(["tickets:read"])), ["tickets:read"]);
        assert!(scopes(json!(3)).is_empty() && scopes(json!([["tickets:read"]])).is_empty());
        for typ in ["ID", "Refresh", "Offline", "Logout"] {
            assert_eq!(said("helper", json!({ "typ": typ })).unwrap_err(), TokenError::Invalid);
        }
        assert!(said("helper", json!({ "typ": "Bearer" })).is_ok());
    }

    #[test]
    fn a_path_finds_names_with_dots_in_them() {
        let claims = json!({
            "https://example.org/roles": ["x"],
            "resource_access": { "desk.bridge": { "roles": ["y"] } },
            "a.b": { "c": 1 }, "a": { "b": { "d": 2 } },
        });
        assert_eq!(at(&claims, "https://example.org/roles"), Some(&json!(["x"])));
        assert_eq!(at(&claims, "resource_access.desk.bridge.roles"), Some(&json!(["y"])));
        assert_eq!((at(&claims, "a.b.c"), at(&claims, "a.b.d")), (Some(&json!(1)), Some(&json!(2))));
        assert_eq!((at(&claims, "a.x"), at(&claims, "."), at(&claims, "")), (None, None, None));
    }
}
