//! Which URLs an admin may have us post to.

use reqwest::Url;

use super::{Private, Resolver, Unreachable};

/// Which URLs may be posted to. Clones share nothing that changes.
#[derive(Clone, Debug)]
pub struct Policy {
    resolver: Resolver,
    allow_http: bool,
}

/// Why a URL will not do.
#[derive(Debug, thiserror::Error)]
pub enum Unfit {
    /// It cannot be read.
    #[error("is no URL such as https://hooks.example.org/desk")]
    NoUrl,
    /// It is not one of the web.
    #[error("must be https")]
    Scheme,
    /// It carries a name or a password.
    #[error("must have no name or password in it: what we send is signed")]
    Credentials,
    /// A port below 1024 that is not the web's speaks something else.
    #[error("has an unusual port")]
    Port,
    /// Its host leads nowhere, or to where nobody may ask.
    #[error("may not be asked: {0}")]
    Host(#[from] Unreachable),
}

impl Policy {
    /// Public `https` URLs, and what else the operator allows.
    #[must_use]
    pub fn new(private: Private, allow_http: bool) -> Self {
        Self { resolver: Resolver::new(private), allow_http }
    }

    /// As [`Policy::new`], with names of the test's own.
    #[cfg(test)]
    pub(crate) fn scripted(names: &[(&str, &[&str])]) -> Self {
        Self { resolver: Resolver::scripted(names), allow_http: false }
    }

    /// Resolves names to what may be asked.
    #[must_use]
    pub fn resolver(&self) -> &Resolver {
        &self.resolver
    }

    /// Reads a URL, and asks nobody.
    ///
    /// # Errors
    /// [`Unfit`] says why it will not do.
    pub fn read(&self, text: &str) -> Result<Url, Unfit> {
        let mut url = Url::parse(text).map_err(|_| Unfit::NoUrl)?;
        match url.scheme() {
            "https" => {}
            "http" if self.allow_http => {}
            _ => return Err(Unfit::Scheme),
        }
        if !url.username().is_empty() || url.password().is_some() {
            return Err(Unfit::Credentials);
        }
        if url.port().is_some_and(|port| port < 1024 && port != 80 && port != 443) {
            return Err(Unfit::Port);
        }
        if !self.resolver.allows_literal(&url) {
            return Err(Unreachable::NotPublic(super::NotPublic).into());
        }
        // It would not be sent.
        url.set_fragment(None);
        Ok(url)
    }

    /// The same, and whether its name leads to where we may ask at this moment.
    ///
    /// # Errors
    /// As [`Policy::read`].
    pub async fn check(&self, text: &str) -> Result<Url, Unfit> {
        let url = self.read(text)?;
        self.resolver.check(&url).await?;
        Ok(url)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn an_admin_has_us_post_to_public_places_only() {
        let policy = Policy::scripted(&[("good.example", &["1.1.1.1"]), ("evil.example", &["10.0.0.1"])]);
        let told = async |text: &str| policy.check(text).await.map(String::from).map_err(|error| error.to_string());
        assert_eq!(told("https://good.example/a?b=c#d").await.unwrap(), "https://good.example/a?b=c");
        assert!(told("https://good.example:8443/").await.is_ok());
        for (url, why) in [
            ("good.example", "no URL"),
            ("http://good.example/", "must be https"),
            ("ftp://good.example/", "must be https"),
            ("https://me:secret@good.example/", "password"),
            ("https://good.example:25/", "port"),
            ("https://evil.example/", "not one of the public internet"),
            ("https://127.0.0.1/", "not one of the public internet"),
            ("https://2130706433/", "not one of the public internet"),
            ("https://[::1]/", "not one of the public internet"),
            ("https://nowhere.example/", "leads to no address"),
        ] {
            let told = told(url).await.unwrap_err();
            assert!(told.contains(why), "{url}: {told}");
        }
        let open = Policy::new(Private::In(vec!["127.0.0.0/8".parse().unwrap()]), true);
        assert!(open.check("http://127.0.0.1:8080/").await.is_ok());
        assert!(open.check("http://10.0.0.1/").await.is_err());
    }
}
