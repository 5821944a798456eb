// SPDX-License-Identifier: MPL-2.0

use aws_lc_rs::encoding::AsDer as _;
use aws_lc_rs::rsa::{KeyPair as RsaKeyPair, KeySize};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD as BASE64;
use jsonwebtoken::jwk::Jwk;
use jsonwebtoken::{Algorithm, EncodingKey, encode};
use proptest::prelude::*;
use serde_json::json;

use super::*;
use crate::backend::SetupError;
use crate::model::Role;
use crate::rights::Cameras;

const SECRET: &str = "0123456789abcdef0123456789abcdef";
const NOW: i64 = 1_800_000_000;

fn now() -> Timestamp {
    Timestamp::from_second(NOW).unwrap()
}

fn issuer() -> Issuer {
    Issuer::new("https://id.example", "porthole")
}

fn claims() -> Value {
    json!({
        "iss": "https://id.example", "aud": "porthole", "sub": "anna", "iat": NOW, "nbf": NOW, "exp": NOW + 600,
        "cameras": ["front"],
    })
}

/// The good claims with this one in place, or without it.
fn with(name: &str, value: Value) -> Value {
    let mut claims = claims();
    claims[name] = value;
    claims
}

fn without(name: &str) -> Value {
    let mut claims = claims();
    claims.as_object_mut().unwrap().remove(name);
    claims
}

/// A key of the backend's, and what its key set says of it.
struct Pair {
    algorithm: Algorithm,
    key: EncodingKey,
    jwk: Jwk,
}

impl Pair {
    fn new(algorithm: Algorithm, id: &str) -> Self {
        let ec = |of| rcgen::KeyPair::generate_for(of).unwrap().serialize_der();
        let key = match algorithm {
            Algorithm::ES256 => EncodingKey::from_ec_der(&ec(&rcgen::PKCS_ECDSA_P256_SHA256)),
            Algorithm::ES384 => EncodingKey::from_ec_der(&ec(&rcgen::PKCS_ECDSA_P384_SHA384)),
            Algorithm::EdDSA => EncodingKey::from_ed_der(&ed25519(&ec(&rcgen::PKCS_ED25519))),
            _ => rsa(KeySize::Rsa2048),
        };
        Self::of(algorithm, key, id)
    }

    fn of(algorithm: Algorithm, key: EncodingKey, id: &str) -> Self {
        let mut jwk = Jwk::from_encoding_key(&key, algorithm).unwrap();
        jwk.common.key_id = Some(id.to_owned());
        Self {
            algorithm,
            key,
            jwk,
        }
    }

    fn header(&self) -> Header {
        Header {
            kid: self.jwk.common.key_id.clone(),
            ..Header::new(self.algorithm)
        }
    }

    fn sign(&self, claims: &Value) -> String {
        encode(&self.header(), claims, &self.key).unwrap()
    }
}

/// The same key in the older form of RFC 8410, without its public half.
fn ed25519(der: &[u8]) -> Vec<u8> {
    let header = b"\x30\x2e\x02\x01\x00\x30\x05\x06\x03\x2b\x65\x70\x04\x22\x04\x20";
    [&header[..], &der[16..48]].concat()
}

fn rsa(size: KeySize) -> EncodingKey {
    let pair = RsaKeyPair::generate(size).unwrap();
    let der: aws_lc_rs::encoding::Pkcs8V1Der<'_> = pair.as_der().unwrap();
    // Within it, behind headers of this length, is the key as PKCS #1 has it.
    EncodingKey::from_rsa_der(&der.as_ref()[26..])
}

fn key_set(pairs: &[&Pair]) -> Result<Keys, SetupError> {
    let keys: Vec<_> = pairs.iter().map(|pair| &pair.jwk).collect();
    Keys::from_jwks(&json!({ "keys": keys }).to_string())
}

fn secret() -> (Pair, Keys) {
    let pair = Pair::of(
        Algorithm::HS256,
        EncodingKey::from_secret(SECRET.as_bytes()),
        "any",
    );
    (pair, Keys::from_secret(SECRET).unwrap())
}

/// Three parts, whatever is in them; signed by nobody.
fn parts(header: &Value, claims: &Value, signature: &str) -> String {
    let part = |value: &Value| BASE64.encode(value.to_string());
    format!("{}.{}.{signature}", part(header), part(claims))
}

#[test]
fn good_tokens_of_every_kind_of_key_are_taken() {
    let algorithms = [
        Algorithm::ES256,
        Algorithm::ES384,
        Algorithm::EdDSA,
        Algorithm::RS256,
        Algorithm::PS256,
    ];
    let pairs = algorithms.map(|algorithm| Pair::new(algorithm, &format!("{algorithm:?}")));
    let keys = key_set(&pairs.each_ref()).unwrap();
    for pair in &pairs {
        let identity = issuer().check(&pair.sign(&claims()), &keys, now()).unwrap();
        assert_eq!(
            (identity.role, &*identity.rights.user),
            (Role::Viewer, "anna")
        );
        assert_eq!(
            identity.rights.rules()[0].cameras,
            Cameras::Only(["front".to_owned()].into())
        );
        assert_eq!(identity.until.as_second(), NOW + 600);
        let unnamed = encode(&Header::new(pair.algorithm), &claims(), &pair.key).unwrap();
        assert!(
            issuer().check(&unnamed, &keys, now()).is_ok(),
            "{:?} without kid",
            pair.algorithm
        );
    }
    let (pair, keys) = secret();
    assert!(issuer().check(&pair.sign(&claims()), &keys, now()).is_ok());
    for claims in [
        without("nbf"),
        with("aud", json!(["other", "porthole"])),
        with("exp", json!(NOW as f64 + 0.5)),
    ] {
        let taken = issuer().check(
            &pair.sign(&claims),
            &keys,
            now() - SignedDuration::from_secs(1),
        );
        assert!(taken.is_ok(), "{claims}: {taken:?}");
    }
}

#[test]
fn bad_claims_are_refused() {
    use TokenError::*;
    let (pair, keys) = secret();
    let not_understood = Claims("its role, cameras, perms, from or until is not understood");
    let no_name =
        Claims("its user's name is longer than 64 bytes, or has characters that no name has");
    let cases = [
        (without("iss"), Missing("iss")),
        (without("aud"), Missing("aud")),
        (without("sub"), Missing("sub")),
        (without("exp"), Missing("exp")),
        (with("iss", json!("https://evil.example")), Issuer),
        (with("iss", json!("https://id.example/")), Issuer),
        (
            with("iss", json!(["https://id.example", "x"])),
            Missing("iss"),
        ),
        (with("iss", json!(null)), Missing("iss")),
        (with("aud", json!("portholes")), Audience),
        (with("aud", json!([])), Audience),
        (with("aud", json!(["other"])), Audience),
        (with("aud", json!({ "porthole": true })), Missing("aud")),
        (with("aud", json!(null)), Missing("aud")),
        (with("sub", json!(7)), Missing("sub")),
        (with("sub", json!("")), no_name.clone()),
        (with("sub", json!("guest")), no_name.clone()),
        (with("sub", json!("share:1")), no_name),
        (with("exp", json!(NOW)), Expired),
        (with("exp", json!(NOW - 1)), Expired),
        (with("exp", json!(-1)), Expired),
        (with("exp", json!(1e300)), Missing("exp")),
        (with("exp", json!("2099-01-01")), Missing("exp")),
        (with("exp", json!(null)), Missing("exp")),
        (with("nbf", json!(NOW + 6)), NotYet),
        (with("nbf", json!("soon")), Missing("nbf")),
        (with("nbf", json!(null)), Missing("nbf")),
        (with("role", json!("root")), not_understood.clone()),
        (
            with("perms", json!(["view", "all"])),
            not_understood.clone(),
        ),
        (with("cameras", json!("front")), not_understood),
        (
            with("until", json!(NOW - 1000)),
            Claims("it is good at no time: its end is before its start"),
        ),
        (json!([]), Malformed),
        (json!("anna"), Malformed),
    ];
    for (claims, expected) in cases {
        let refused = issuer().check(&pair.sign(&claims), &keys, now());
        assert_eq!(refused, Err(expected), "{claims}");
    }
    let ahead = pair.sign(&with("nbf", json!(NOW + 5)));
    assert!(
        issuer().check(&ahead, &keys, now()).is_ok(),
        "the backend's clock may be a little ahead"
    );
}

#[test]
fn bad_signatures_are_refused() {
    use TokenError::{Malformed, Signature, UnknownKey};
    let [ours, other] = ["a", "b"].map(|id| Pair::new(Algorithm::ES256, id));
    let impostor = Pair::new(Algorithm::ES256, "a");
    let keys = key_set(&[&ours]).unwrap();
    let check = |token: &str| issuer().check(token, &keys, now()).unwrap_err();
    let good = ours.sign(&claims());
    assert!(issuer().check(&good, &keys, now()).is_ok());

    assert_eq!(check(&impostor.sign(&claims())), Signature);
    assert_eq!(check(&other.sign(&claims())), UnknownKey);
    let [header, _, signature] = good.split('.').collect::<Vec<_>>()[..] else {
        panic!("{good}");
    };
    let payload = BASE64.encode(with("sub", json!("root")).to_string());
    assert_eq!(check(&format!("{header}.{payload}.{signature}")), Signature);
    let unsigned = parts(&json!({ "alg": "ES256", "kid": "a" }), &claims(), "");
    assert!(matches!(check(&unsigned), Signature | Malformed));
    for none in ["none", "None", "NONE", ""] {
        assert_eq!(
            check(&parts(&json!({ "alg": none, "kid": "a" }), &claims(), "")),
            Malformed,
            "{none}"
        );
    }
    for shape in [
        "",
        ".",
        "..",
        "...",
        "a.b.c",
        &good[1..],
        &format!("{good}."),
        &"a".repeat(9000),
    ] {
        assert_eq!(check(shape), Malformed, "{shape}");
    }
}

#[test]
fn a_public_key_is_no_shared_secret() {
    let pair = Pair::new(Algorithm::RS256, "a");
    let keys = key_set(&[&pair]).unwrap();
    // The classic: HMAC with what everyone may read, in each of its forms.
    let jwk = serde_json::to_string(&pair.jwk).unwrap();
    let modulus = serde_json::to_value(&pair.jwk).unwrap()["n"]
        .as_str()
        .unwrap()
        .to_owned();
    for public in [
        jwk.into_bytes(),
        BASE64.decode(&modulus).unwrap(),
        modulus.into_bytes(),
        Vec::new(),
    ] {
        for algorithm in [Algorithm::HS256, Algorithm::HS384, Algorithm::HS512] {
            let header = Header {
                kid: Some("a".to_owned()),
                ..Header::new(algorithm)
            };
            let token = encode(&header, &claims(), &EncodingKey::from_secret(&public)).unwrap();
            assert_eq!(
                issuer().check(&token, &keys, now()),
                Err(TokenError::Algorithm)
            );
        }
    }
    let (hmac, secret) = secret();
    assert_eq!(
        issuer().check(&pair.sign(&claims()), &secret, now()),
        Err(TokenError::Algorithm)
    );
    let longer = encode(&Header::new(Algorithm::HS512), &claims(), &hmac.key).unwrap();
    assert_eq!(
        issuer().check(&longer, &secret, now()),
        Err(TokenError::Algorithm)
    );
}

#[test]
fn tokens_for_something_else_are_refused() {
    let (pair, keys) = secret();
    let check = |header: Header| {
        let token = encode(&header, &claims(), &pair.key).unwrap();
        issuer().check(&token, &keys, now()).err()
    };
    let typed = |typ: Option<&str>| Header {
        typ: typ.map(str::to_owned),
        ..pair.header()
    };
    for good in [
        None,
        Some("JWT"),
        Some("jwt"),
        Some("at+jwt"),
        Some("application/at+jwt"),
    ] {
        assert_eq!(check(typed(good)), None, "{good:?}");
    }
    for bad in ["porthole-grant+jwt", "logout+jwt", "dpop+jwt", "JOSE", ""] {
        assert_eq!(check(typed(Some(bad))), Some(TokenError::Type), "{bad}");
    }
    let critical = Header {
        crit: Some(vec!["exp".to_owned()]),
        ..pair.header()
    };
    assert_eq!(check(critical), Some(TokenError::Type));
    let nested = Header {
        cty: Some("JWT".to_owned()),
        ..pair.header()
    };
    assert_eq!(check(nested), Some(TokenError::Type));
    // A key that the token itself brings is not looked at.
    let own = Pair::new(Algorithm::ES256, "own");
    let brought = Header {
        jwk: Some(own.jwk.clone()),
        kid: None,
        ..own.header()
    };
    let token = encode(&brought, &claims(), &own.key).unwrap();
    assert_eq!(
        issuer().check(&token, &keys, now()),
        Err(TokenError::Algorithm)
    );
}

#[test]
fn a_key_set_gives_the_keys_that_are_good_for_signatures() {
    let pair = Pair::new(Algorithm::RS256, "a");
    let changed = |change: &dyn Fn(&mut Value)| {
        let mut jwk = serde_json::to_value(&pair.jwk).unwrap();
        change(&mut jwk);
        Keys::from_jwks(&json!({ "keys": [jwk] }).to_string()).map(|_| ())
    };
    assert_eq!(changed(&|_| ()), Ok(()));
    assert_eq!(changed(&|jwk| jwk["use"] = json!("sig")), Ok(()));
    assert_eq!(
        changed(&|jwk| jwk["use"] = json!("enc")),
        Err(SetupError::NoKeys)
    );
    assert_eq!(
        changed(&|jwk| jwk["alg"] = json!("HS256")),
        Err(SetupError::NoKeys)
    );
    assert_eq!(
        changed(&|jwk| jwk["alg"] = json!("RSA-OAEP")),
        Err(SetupError::NoKeys)
    );
    assert_eq!(
        changed(&|jwk| jwk["kty"] = json!("new")),
        Err(SetupError::NoKeys)
    );
    assert_eq!(
        changed(&|jwk| jwk["n"] = json!("AQAB")),
        Err(SetupError::NoKeys)
    );
    let (hmac, _) = secret();
    assert_eq!(
        key_set(&[&hmac]).map(|_| ()),
        Err(SetupError::NoKeys),
        "a secret that anyone may fetch"
    );
    assert!(key_set(&[&hmac, &pair]).is_ok());
    for text in ["", "[]", "{}", "{\"keys\":{}}", "<html>"] {
        assert_eq!(
            Keys::from_jwks(text).map(|_| ()),
            Err(SetupError::KeySet),
            "{text}"
        );
    }
    // A key that is for one algorithm is for no other of its family.
    let keys = key_set(&[&pair]).unwrap();
    let header = Header {
        kid: Some("a".to_owned()),
        ..Header::new(Algorithm::PS256)
    };
    let token = encode(&header, &claims(), &pair.key).unwrap();
    assert_eq!(
        issuer().check(&token, &keys, now()),
        Err(TokenError::Algorithm)
    );
    assert_eq!(
        Keys::from_secret(&SECRET[1..]).map(|_| ()),
        Err(SetupError::WeakSecret)
    );
}

proptest! {
    /// No other text is as good as the token, however little differs.
    #[test]
    fn any_change_of_a_token_makes_it_worthless(place in any::<prop::sample::Index>(), byte in 0x21..0x7f_u8) {
        let (pair, keys) = secret();
        let good = pair.sign(&claims());
        let mut changed = good.clone().into_bytes();
        let place = place.index(changed.len());
        changed[place] = byte;
        let changed = String::from_utf8(changed).unwrap();
        prop_assert_eq!(issuer().check(&changed, &keys, now()).is_ok(), changed == good, "{}", changed);
    }

    /// Whatever a backend signs, there is an answer; and none lasts beyond the token.
    #[test]
    fn any_claims_are_answered(
        name in prop::sample::select(vec!["iss", "aud", "sub", "exp", "nbf", "role", "cameras", "perms", "from", "until"]),
        value in prop_oneof![
            any::<i64>().prop_map(Value::from), any::<f64>().prop_map(Value::from), any::<u64>().prop_map(Value::from),
            ".{0,80}".prop_map(Value::from), Just(Value::Null), any::<bool>().prop_map(Value::from),
            prop::collection::vec(".{0,8}", 0..4).prop_map(Value::from),
        ],
    ) {
        let (pair, keys) = secret();
        let claims = with(name, value);
        if let Ok(identity) = issuer().check(&pair.sign(&claims), &keys, now()) {
            let end = identity.rights.rules()[0].when.end().unwrap();
            prop_assert_eq!(identity.until, end);
            prop_assert!(end.as_second() <= claims["exp"].as_f64().unwrap() as i64);
        }
    }
}
