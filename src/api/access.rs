//! Who a route is for. `routes` says it of each; here is what it means, once for the guard in front of the handlers, for the
//! OpenAPI document and for the tests.
//!
//! The guard knows the caller and not the thing, so it refuses those for whom there is nothing here at all. Whose a thing is
//! the domain knows: it refuses foreign ones ([`Foreign`]).

use std::fmt::Write;

use axum::{
    extract::{Request, State},
    middleware::Next,
    response::Response,
};

use super::{ApiError, visitor};
use crate::helpdesk::{Caller, Role};

/// What becomes of a request about a thing that is not the caller's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Foreign {
    /// Nothing here is anybody's own.
    Shared,
    /// A list, or a log: what is not the caller's is left out.
    LeftOut,
    /// 404: that it exists is nobody else's business.
    Hidden,
    /// 403: the caller named it, so there is nothing to hide.
    Refused,
}

/// Who a route is for. Nobody, until it is said.
#[derive(Clone, Copy, Debug)]
pub(super) struct Access {
    customers: bool,
    agents: bool,
    admins: bool,
    /// Any of these scopes lets a program in.
    scopes: &'static [&'static str],
    foreign: Foreign,
}

impl Access {
    /// For nobody.
    pub(super) const fn to(foreign: Foreign) -> Self {
        Self { customers: false, agents: false, admins: false, scopes: &[], foreign }
    }

    /// Also for customers, of what is their own.
    pub(super) const fn customers(mut self) -> Self {
        self.customers = true;
        self
    }

    /// Also for agents, of what belongs to their desks, and for admins.
    pub(super) const fn staff(mut self) -> Self {
        self.agents = true;
        self.admins()
    }

    /// Also for admins.
    pub(super) const fn admins(mut self) -> Self {
        self.admins = true;
        self
    }

    /// Also for programs with one of these scopes.
    pub(super) const fn programs(mut self, scopes: &'static [&'static str]) -> Self {
        self.scopes = scopes;
        self
    }

    /// Whether there is anything here for this caller.
    pub(super) fn admits(self, caller: &Caller) -> bool {
        match caller.role {
            Role::Customer => self.customers,
            Role::Agent => self.agents,
            Role::Admin => self.admins,
            Role::Service => self.scopes.iter().any(|scope| caller.scopes.iter().any(|granted| granted == scope)),
        }
    }

    /// Everybody whom it is for, for people to read.
    pub(super) fn audience(self) -> String {
        let mut text = String::new();
        let (own, of_desks) = match self.foreign {
            Foreign::Shared => ("", ""),
            _ => (" (what is their own)", " (of their desks)"),
        };
        let mut separator = "";
        let mut add = |who: std::fmt::Arguments<'_>| {
            // Writing to a String cannot fail.
            let _ = write!(text, "{separator}{who}");
            separator = ", ";
        };
        if self.customers {
            add(format_args!("customers{own}"));
        }
        if self.agents {
            add(format_args!("agents{of_desks}"));
        }
        if self.admins {
            add(format_args!("admins"));
        }
        if !self.scopes.is_empty() {
            add(format_args!("programs with the scope `{}`", self.scopes.join("` or `")));
        }
        text
    }

    fn refuse(self, caller: &Caller) -> ApiError {
        ApiError::Forbidden(match (caller.role, self.scopes) {
            (Role::Service, scopes @ [_, ..]) => format!("this token lacks the scope {}", scopes.join(" or ")),
            _ => format!("this is for {}, not for {}", self.audience(), word(caller.role)),
        })
    }

    #[cfg(test)]
    pub(super) fn foreign(self) -> Foreign {
        self.foreign
    }
}

fn word(role: Role) -> &'static str {
    match role {
        Role::Customer => "customers",
        Role::Agent => "agents",
        Role::Admin => "admins",
        Role::Service => "programs",
    }
}

/// In front of a handler: lets in those for whom there is something here.
pub(super) async fn guard(State(access): State<Access>, request: Request, next: Next) -> Result<Response, ApiError> {
    let caller = visitor::caller(request.extensions())?;
    if !access.admits(&caller) {
        return Err(access.refuse(&caller));
    }
    Ok(next.run(request).await)
}
