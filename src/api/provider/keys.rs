//! The keys of a JWK set (RFC 7517) that tokens may be signed with.

use std::fmt;

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use jsonwebtoken::{Algorithm, DecodingKey};
use serde::Deserialize;
use serde_json::Value;

/// Keys that are looked at, at most: a provider has a few.
const MOST: usize = 64;
/// RFC 7518 §3.3 asks for 2,048 bits; more than 4,096 take the processor's time from others.
const RSA_BYTES: std::ops::RangeInclusive<usize> = 256..=512;
/// A coordinate of P-256 (RFC 7518 §6.2.1.2).
const P256_BYTES: usize = 32;

/// A key, and the one algorithm that it is for: what a token says of its algorithm changes nothing about that.
#[derive(Clone)]
pub(super) struct Key {
    pub id: Option<String>,
    pub algorithm: Algorithm,
    pub verify: DecodingKey,
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Key({:?}, {:?})", self.id, self.algorithm)
    }
}

#[derive(Deserialize)]
struct Jwk {
    kty: String,
    kid: Option<String>,
    #[serde(rename = "use")]
    usage: Option<String>,
    key_ops: Option<Vec<String>>,
    alg: Option<String>,
    n: Option<String>,
    e: Option<String>,
    crv: Option<String>,
    x: Option<String>,
    y: Option<String>,
}

/// The usable keys of a set; `None` when it is none. What cannot be used, such as keys for encryption or of other kinds, is no
/// error: providers publish all they have.
pub(super) fn read(set: &[u8]) -> Option<Vec<Key>> {
    let set: Value = serde_json::from_slice(set).ok()?;
    let keys = set.get("keys")?.as_array()?;
    Some(keys.iter().take(MOST).filter_map(|key| usable(Jwk::deserialize(key).ok()?)).collect())
}

fn usable(key: Jwk) -> Option<Key> {
    let is_to_verify = key.usage.as_deref().is_none_or(|usage| usage == "sig")
        && key.key_ops.as_ref().is_none_or(|ops| ops.iter().any(|op| op == "verify"));
    let (algorithm, word, verify) = match key.kty.as_str() {
        "RSA" => (Algorithm::RS256, "RS256", rsa(&key.n?, &key.e?)?),
        "EC" if key.crv.as_deref() == Some("P-256") => (Algorithm::ES256, "ES256", p256(&key.x?, &key.y?)?),
        _ => return None,
    };
    (is_to_verify && key.alg.is_none_or(|alg| alg == word)).then_some(Key { id: key.kid, algorithm, verify })
}

fn rsa(n: &str, e: &str) -> Option<DecodingKey> {
    let number = |text: &str| {
        let bytes = URL_SAFE_NO_PAD.decode(text).ok()?;
        let zeros = bytes.iter().take_while(|byte| **byte == 0).count();
        Some(bytes[zeros..].to_vec())
    };
    let (n, e) = (number(n)?, number(e)?);
    // The first byte's first bit, or it has fewer than it has bytes for.
    let is_long = RSA_BYTES.contains(&n.len()) && (n.len() > *RSA_BYTES.start() || n[0] & 0x80 != 0);
    // With 1 every signature is the message itself; an even one is none of RSA.
    let is_exponent = (1..=4).contains(&e.len()) && e != [1] && e.last().is_some_and(|byte| byte & 1 == 1);
    (is_long && is_exponent).then(|| DecodingKey::from_rsa_raw_components(&n, &e))
}

fn p256(x: &str, y: &str) -> Option<DecodingKey> {
    let is_coordinate = |text: &str| URL_SAFE_NO_PAD.decode(text).is_ok_and(|bytes| bytes.len() == P256_BYTES);
    (is_coordinate(x) && is_coordinate(y)).then(|| DecodingKey::from_ec_components(x, y).ok())?
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn of(bytes: usize, first: u8) -> String {
        let mut number = vec![7; bytes];
        number[0] = first;
        URL_SAFE_NO_PAD.encode(number)
    }

    fn count(key: &Value) -> usize {
        read(json!({ "keys": [key] }).to_string().as_bytes()).unwrap().len()
    }

    #[test]
    fn keys_to_verify_with_are_taken_and_all_others_passed_over() {
        let rsa = json!({ "kty": "RSA", "kid": "1", "n": of(256, 0x80), "e": "AQAB" });
        let ec = json!({ "kty": "EC", "kid": "2", "crv": "P-256", "x": of(32, 1), "y": of(32, 1) });
        let with = |key: &Value, more: Value| {
            let mut key = key.clone();
            key.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
            key
        };
        for good in [
            rsa.clone(),
            ec.clone(),
            with(&rsa, json!({ "use": "sig", "alg": "RS256", "x5c": ["MII…"], "x5t": "x" })),
            with(&rsa, json!({ "key_ops": ["verify"], "kid": null })),
            with(&rsa, json!({ "n": of(512, 0xff) })),
            with(&rsa, json!({ "n": URL_SAFE_NO_PAD.encode([vec![0; 3], vec![0x81; 256]].concat()) })),
            with(&ec, json!({ "alg": "ES256" })),
        ] {
            assert_eq!(count(&good), 1, "{good}");
        }
        for bad in [
            with(&rsa, json!({ "use": "enc" })),
            with(&rsa, json!({ "key_ops": ["encrypt"] })),
            with(&rsa, json!({ "alg": "RSA-OAEP" })),
            with(&rsa, json!({ "alg": "RS512" })),
            with(&rsa, json!({ "alg": "HS256" })),
            // 2,047 bits, 1,024 bits, 4,104 bits, and zeros before 1,024.
            with(&rsa, json!({ "n": of(256, 0x7f) })),
            with(&rsa, json!({ "n": of(128, 0x80) })),
            with(&rsa, json!({ "n": of(513, 0x80) })),
            with(&rsa, json!({ "n": URL_SAFE_NO_PAD.encode([vec![0; 200], vec![0x81; 128]].concat()) })),
            with(&rsa, json!({ "e": "AQ" })),
            with(&rsa, json!({ "e": "AA" })),
            with(&rsa, json!({ "e": "Ag" })),
            with(&rsa, json!({ "n": "not base64!" })),
            with(&rsa, json!({ "n": null })),
            with(&ec, json!({ "crv": "P-384" })),
            with(&ec, json!({ "crv": "secp256k1" })),
            with(&ec, json!({ "x": of(31, 1) })),
            with(&ec, json!({ "alg": "RS256" })),
            json!({ "kty": "oct", "k": of(32, 1), "alg": "HS256" }),
            json!({ "kty": "OKP", "crv": "Ed25519", "x": of(32, 1) }),
            json!({ "kid": "1" }),
            json!("RSA"),
            json!(null),
        ] {
            assert_eq!(count(&bad), 0, "{bad}");
        }
        let mixed = json!({ "keys": [null, { "kty": "oct", "k": "AA" }, rsa, 3, ec] });
        let keys = read(mixed.to_string().as_bytes()).unwrap();
        assert_eq!(format!("{keys:?}"), r#"[Key(Some("1"), RS256), Key(Some("2"), ES256)]"#);
        let many = json!({ "keys": vec![json!({ "kty": "RSA", "n": of(256, 0x80), "e": "AQAB" }); 1000] });
        assert_eq!(read(many.to_string().as_bytes()).unwrap().len(), MOST);
    }

    #[test]
    fn what_is_no_set_is_told_apart_from_one_without_keys() {
        for none in ["", "<html>", "[]", "{}", r#"{"keys": {}}"#, "\u{0}"] {
            assert!(read(none.as_bytes()).is_none(), "{none}");
        }
        assert_eq!(read(br#"{"keys": []}"#).unwrap().len(), 0);
    }
}
