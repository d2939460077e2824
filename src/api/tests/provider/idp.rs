//! An identity provider that does as it is told, and keys to sign with.

use std::{
    io::Write,
    process::{Command, Stdio},
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
};

use axum::{Router, http::StatusCode, response::IntoResponse};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use jsonwebtoken::{Algorithm, EncodingKey, Header, encode, jwk::Jwk};
use serde_json::{Value, json};
use tokio::net::TcpListener;

pub const ISSUER: &str = "https://id.example.org/realms/tea";
pub const AUDIENCE: &str = "deskbridge";

/// What the provider answers.
#[derive(Clone)]
pub enum Served {
    Keys(Vec<Value>),
    Text(u16, String),
    /// Somewhere else it would be.
    Elsewhere(String),
    /// Nothing, for ever.
    Nothing,
}

pub struct Idp {
    pub url: String,
    served: Arc<Mutex<Served>>,
    fetches: Arc<AtomicUsize>,
}

impl Idp {
    pub async fn with(signers: &[&Signer]) -> Self {
        Self::at("127.0.0.1:0", signers).await
    }

    pub async fn at(address: &str, signers: &[&Signer]) -> Self {
        let listener = TcpListener::bind(address).await.unwrap();
        let url = format!("http://{}/certs", listener.local_addr().unwrap());
        let keys = signers.iter().map(|signer| signer.jwk.clone()).collect();
        let (served, fetches) = (Arc::new(Mutex::new(Served::Keys(keys))), Arc::new(AtomicUsize::new(0)));
        let (now, count) = (Arc::clone(&served), Arc::clone(&fetches));
        let router = Router::new().fallback(move || {
            count.fetch_add(1, Ordering::SeqCst);
            let now = now.lock().unwrap().clone();
            async move {
                match now {
                    Served::Keys(keys) => json!({ "keys": keys }).to_string().into_response(),
                    Served::Text(status, text) => (StatusCode::from_u16(status).unwrap(), text).into_response(),
                    Served::Elsewhere(url) => (StatusCode::FOUND, [("location", url)]).into_response(),
                    Served::Nothing => std::future::pending().await,
                }
            }
        });
        tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
        Self { url, served, fetches }
    }

    pub fn serves(&self, served: Served) {
        *self.served.lock().unwrap() = served;
    }

    pub fn rotates_to(&self, signers: &[&Signer]) {
        self.serves(Served::Keys(signers.iter().map(|signer| signer.jwk.clone()).collect()));
    }

    /// How often it was asked.
    pub fn fetches(&self) -> usize {
        self.fetches.load(Ordering::SeqCst)
    }
}

/// A private key.
pub struct Signer {
    pub kid: String,
    pub algorithm: Algorithm,
    pub jwk: Value,
    key: EncodingKey,
    der: Vec<u8>,
}

impl Signer {
    pub fn rsa(kid: &str) -> Self {
        let der = pkcs8(&["genpkey", "-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:2048"]);
        // PKCS #8 is 26 bytes around PKCS #1.
        let key = EncodingKey::from_rsa_der(&der[26..]);
        Self::new(kid, Algorithm::RS256, key, der)
    }

    pub fn ec(kid: &str) -> Self {
        let der = pkcs8(&["genpkey", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256"]);
        let key = EncodingKey::from_ec_der(&der);
        Self::new(kid, Algorithm::ES256, key, der)
    }

    fn new(kid: &str, algorithm: Algorithm, key: EncodingKey, der: Vec<u8>) -> Self {
        let mut jwk = serde_json::to_value(Jwk::from_encoding_key(&key, algorithm).unwrap()).unwrap();
        jwk["kid"] = kid.into();
        jwk["use"] = "sig".into();
        Self { kid: kid.to_owned(), algorithm, jwk, key, der }
    }

    pub fn header(&self) -> Header {
        Header { kid: Some(self.kid.clone()), ..Header::new(self.algorithm) }
    }

    pub fn sign(&self, claims: &Value) -> String {
        self.sign_with(&self.header(), claims)
    }

    pub fn sign_with(&self, header: &Header, claims: &Value) -> String {
        encode(header, claims, &self.key).unwrap()
    }

    /// With a header that the library would not write.
    pub fn sign_raw(&self, header: &Value, claims: &Value) -> String {
        let part = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
        let message = format!("{}.{}", part(header), part(claims));
        let signature = jsonwebtoken::crypto::sign(message.as_bytes(), &self.key, self.algorithm).unwrap();
        format!("{message}.{signature}")
    }

    /// The public key in the forms in which somebody might take it for a secret.
    pub fn public_forms(&self) -> Vec<Vec<u8>> {
        let pem = openssl(&["pkey", "-inform", "DER", "-pubout"], &self.der);
        let der = openssl(&["pkey", "-inform", "DER", "-pubout", "-outform", "DER"], &self.der);
        let number = self.jwk["n"].as_str().or(self.jwk["x"].as_str()).unwrap();
        let trimmed = String::from_utf8(pem.clone()).unwrap().trim().as_bytes().to_vec();
        let raw = URL_SAFE_NO_PAD.decode(number).unwrap();
        vec![pem, trimmed, der, number.as_bytes().to_vec(), raw, self.jwk.to_string().into_bytes()]
    }
}

/// What versions write in DER by themselves differs.
fn pkcs8(args: &[&str]) -> Vec<u8> {
    openssl(&["pkcs8", "-topk8", "-nocrypt", "-outform", "DER"], &openssl(args, &[]))
}

fn openssl(args: &[&str], input: &[u8]) -> Vec<u8> {
    let mut child = Command::new("openssl")
        .args(args)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .expect("openssl is needed for this test");
    child.stdin.take().unwrap().write_all(input).unwrap();
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success(), "openssl {args:?}");
    output.stdout
}

/// As Keycloak says it, of an agent.
pub fn keycloak(more: Value) -> Value {
    let now = jsonwebtoken::get_current_timestamp();
    let mut claims = json!({
        "exp": now + 300, "iat": now, "jti": "onrtac:2f7c", "iss": ISSUER, "aud": [AUDIENCE, "account"],
        "sub": "7b0f3d52-0a9e-4e0e-8a58-0f6d1f0c7a11", "typ": "Bearer", "azp": "dashboard", "sid": "d0a1", "acr": "1",
        "realm_access": { "roles": ["default-roles-tea", "offline_access", "helpdesk-agent"] },
        "resource_access": { "account": { "roles": ["manage-account"] } },
        "scope": "openid email profile", "email_verified": true, "name": "Eve Adams",
        "preferred_username": "eve", "email": "eve@staff.example.org",
    });
    claims.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    claims
}
