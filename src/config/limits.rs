//! `[limits]`: how much may be asked for.

use serde::Deserialize;

use super::{
    Error,
    value::{boolean, optional_number},
};

/// `[limits]`.
#[derive(Clone, Debug, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Limits {
    /// Turns every rate limit and budget on or off at once.
    #[serde(deserialize_with = "boolean")]
    pub enabled: bool,
    /// Requests over REST without a valid token, of one address.
    pub anonymous: Requests,
    /// Requests over REST of one customer.
    pub customer: Requests,
    /// Requests over REST of one agent.
    pub agent: Requests,
    /// Requests over REST of one admin.
    pub admin: Requests,
    /// Requests over REST of one program.
    pub service: Requests,
}

/// How many requests one caller may make; what is not given is the role's default.
#[derive(Clone, Copy, Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Requests {
    /// In each second on the long run; 0 is no limit.
    #[serde(deserialize_with = "optional_number")]
    pub per_second: Option<usize>,
    /// At once.
    #[serde(deserialize_with = "optional_number")]
    pub burst: Option<usize>,
}

/// A second without a valid token, and with one.
const ANONYMOUS: usize = 5;
const KNOWN: usize = 20;
/// At once.
const BURST: usize = 50;
/// More is no limit.
const MOST: usize = 1_000_000;

impl Default for Limits {
    fn default() -> Self {
        let own = Requests::default();
        Self { enabled: true, anonymous: own, customer: own, agent: own, admin: own, service: own }
    }
}

impl Limits {
    /// Each role's requests with what is not given filled in: the word that names the role, and its requests.
    fn roles(&self) -> [(&'static str, Requests); 5] {
        let known = |requests: Requests| requests.or(KNOWN);
        [
            ("anonymous", self.anonymous.or(ANONYMOUS)),
            ("customer", known(self.customer)),
            ("agent", known(self.agent)),
            ("admin", known(self.admin)),
            ("service", known(self.service)),
        ]
    }

    /// How many requests over REST somebody of this role may make: in each second on the long run, and at once. `role` is a
    /// role's word, or `anonymous`. `None` is no limit.
    #[must_use]
    pub fn requests(&self, role: &str) -> Option<(u32, u32)> {
        let (_, requests) = self.roles().into_iter().find(|(word, _)| self.enabled && *word == role)?;
        let number = |given: Option<usize>| given.and_then(|number| u32::try_from(number).ok());
        number(requests.per_second).filter(|number| *number > 0).zip(number(requests.burst))
    }

    pub(super) fn check(&self) -> Result<(), Error> {
        for (role, requests) in self.roles() {
            if requests.burst.is_none_or(|number| !(1..=MOST).contains(&number)) {
                return Err(Error::key(format!("limits.{role}.burst"), format!("must be from 1 to {MOST}")));
            }
            if requests.per_second.is_none_or(|number| number > MOST) {
                let problem = format!("must not be more than {MOST}; 0 is no limit");
                return Err(Error::key(format!("limits.{role}.per_second"), problem));
            }
        }
        Ok(())
    }
}

impl Requests {
    fn or(self, per_second: usize) -> Self {
        Self { per_second: self.per_second.or(Some(per_second)), burst: self.burst.or(Some(BURST)) }
    }
}

#[cfg(test)]
mod tests {
    use crate::config::tests::{complaint, parse};

    #[test]
    fn what_is_not_given_is_the_roles_default_and_nothing_is_no_limit() {
        let limits = parse("", &[]).unwrap().limits;
        assert_eq!(limits.requests("anonymous"), Some((5, 50)));
        for role in ["customer", "agent", "admin", "service"] {
            assert_eq!(limits.requests(role), Some((20, 50)), "{role}");
        }
        let file =
            "[limits]\nagent = { per_second = 0 }\nanonymous = { burst = 10 }\n[limits.service]\nper_second = 100";
        let limits = parse(file, &[("DESKBRIDGE_LIMITS__CUSTOMER__BURST", "7")]).unwrap().limits;
        let all = ["anonymous", "customer", "agent", "admin", "service"].map(|role| limits.requests(role));
        assert_eq!(all, [Some((5, 10)), Some((20, 7)), None, Some((20, 50)), Some((100, 50))]);
        let limits = parse("[limits]\nenabled = false", &[]).unwrap().limits;
        assert_eq!(limits.requests("anonymous"), None);
    }

    #[test]
    fn complaints_name_the_role() {
        for (text, key) in [
            ("[limits.agent]\nburst = 0", "limits.agent.burst"),
            ("[limits.service]\nper_second = 1000001", "limits.service.per_second"),
            ("[limits.anonymous]\nper_second = -1", "limits.anonymous.per_second"),
            ("[limits.owner]\nburst = 1", "limits.owner"),
        ] {
            let message = complaint(text, &[]);
            assert!(message.contains(key), "{message}");
        }
    }
}
