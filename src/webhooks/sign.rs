//! Signatures: those of Standard Webhooks, and beside them the one of the API that we follow.

use std::fmt::Write;

use base64::{Engine, engine::general_purpose::STANDARD};
use chrono::{DateTime, Utc};
use deskbridge_entity::webhook;
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use uuid::Uuid;

use crate::helpdesk::SECRET_PREFIX;

fn hmac(key: &[u8], parts: &[&[u8]]) -> Option<Vec<u8>> {
    let mut mac = Hmac::<Sha256>::new_from_slice(key).ok()?;
    parts.iter().for_each(|part| mac.update(part));
    Some(mac.finalize().into_bytes().to_vec())
}

/// `webhook-signature`: `v1,` and HMAC-SHA256 in base64 of id, time and body with points between, by each secret that
/// counts at `now`, the newest first.
pub(super) fn standard(hook: &webhook::Model, id: Uuid, now: DateTime<Utc>, body: &[u8]) -> String {
    let old = hook.old_secret.as_ref().filter(|_| hook.old_secret_until.is_some_and(|until| now < until));
    let head = format!("{id}.{}.", now.timestamp());
    let signed = [Some(&hook.secret), old].into_iter().flatten().filter_map(|secret| {
        let key = STANDARD.decode(secret.0.strip_prefix(SECRET_PREFIX)?).ok()?;
        Some(format!("v1,{}", STANDARD.encode(hmac(&key, &[head.as_bytes(), body])?)))
    });
    signed.collect::<Vec<_>>().join(" ")
}

/// `X-Deskbridge-Signature`: `sha256=` and HMAC-SHA256 in hexadecimal of the body alone, by the newest secret. The key is the
/// secret as it is written, with its `whsec_`.
pub(super) fn plain(hook: &webhook::Model, body: &[u8]) -> String {
    let mut text = "sha256=".to_owned();
    for byte in hmac(hook.secret.0.as_bytes(), &[body]).unwrap_or_default() {
        let _ = write!(text, "{byte:02x}");
    }
    text
}

#[cfg(test)]
pub(super) mod tests {
    use chrono::TimeDelta;
    use deskbridge_entity::webhook::Secret;
    use http::HeaderMap;
    use standardwebhooks::Webhook;

    use super::*;

    fn secret(byte: u8) -> Secret {
        Secret(format!("{SECRET_PREFIX}{}", STANDARD.encode([byte; 32])))
    }

    pub(in crate::webhooks) fn hook(secret: Secret) -> webhook::Model {
        webhook::Model {
            id: Uuid::nil(),
            url: String::new(),
            description: String::new(),
            events: serde_json::json!(["*"]),
            desks: None,
            include_internal: false,
            secret,
            old_secret: None,
            old_secret_until: None,
            disabled_at: None,
            disabled_reason: None,
            last_success_at: None,
            last_failure_at: None,
            last_failure: None,
            version: 1,
            created_at: DateTime::UNIX_EPOCH,
            created_by: String::new(),
        }
    }

    #[test]
    fn the_public_library_verifies_what_we_sign() {
        let (id, body) = (Uuid::now_v7(), r#"{"event":"ping","text":"Tee für zwei 🍵"}"#.as_bytes());
        let now = crate::helpdesk::Clock::default().now();
        let mut hook = hook(secret(1));
        let arrived = |hook: &webhook::Model, secret: &Secret, arrived: &[u8]| {
            let mut headers = HeaderMap::new();
            headers.insert("webhook-id", id.to_string().parse().unwrap());
            headers.insert("webhook-timestamp", now.timestamp().to_string().parse().unwrap());
            headers.insert("webhook-signature", standard(hook, id, now, body).parse().unwrap());
            Webhook::new(&secret.0).unwrap().verify(arrived, &headers).is_ok()
        };
        let verify = |hook: &webhook::Model, secret: &Secret| arrived(hook, secret, body);
        assert!(verify(&hook, &secret(1)));
        assert!(!verify(&hook, &secret(2)));
        assert!(!arrived(&hook, &secret(1), b"forged"));

        // While a secret is changed, both are good.
        (hook.old_secret, hook.old_secret_until) = (Some(secret(2)), Some(now + TimeDelta::seconds(1)));
        assert!(verify(&hook, &secret(1)) && verify(&hook, &secret(2)));
        assert!(!verify(&hook, &secret(3)));
        hook.old_secret_until = Some(now);
        assert!(verify(&hook, &secret(1)) && !verify(&hook, &secret(2)));
    }

    #[test]
    fn the_vector_of_the_specification_and_of_the_reference() {
        // From the tests of Standard Webhooks' own libraries.
        let hook = hook(Secret("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw".to_owned()));
        let now = DateTime::from_timestamp(1_614_265_330, 0).unwrap();
        let head = "msg_p5jXN8AQM9LWM0D4loKWxJek.1614265330.";
        let key = STANDARD.decode("MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw").unwrap();
        let signed = STANDARD.encode(hmac(&key, &[head.as_bytes(), br#"{"test": 2432232314}"#]).unwrap());
        assert_eq!(signed, "g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=");
        assert!(standard(&hook, Uuid::nil(), now, b"{}").starts_with("v1,"));
        // By `openssl dgst -sha256 -hmac whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw`.
        assert_eq!(plain(&hook, br#"{"test": 2432232314}"#), OPENSSL);
    }

    const OPENSSL: &str = "sha256=80ec8a89ce3cd22133a1066caecb4d04fea7467657c8514d717ec42c38a5c94c";
}
