// SPDX-License-Identifier: MPL-2.0
use super::*;
use crate::grant::{Permission, subject, user_and_called};

fn grant() -> Grant {
    Grant {
        aud: "front".into(),
        sub: "alice".into(),
        sid: "s1".into(),
        nonce: "n1".into(),
        seq: 0,
        lease: 60,
        perms: vec![Permission::View],
        booked: None,
        door_call: None,
    }
}

fn signer() -> GrantSigner {
    GrantSigner::generate().unwrap()
}

#[test]
fn a_signed_grant_reads_back() {
    let signer = signer();
    let token = signer.sign(&grant()).unwrap();
    assert_eq!(signer.public_key().read(&token), Ok(grant()));
}

#[test]
fn a_grant_of_another_key_is_none_whatever_key_it_names() {
    let (own, other) = (signer(), signer());
    let token = other.sign(&grant()).unwrap();
    assert_eq!(own.public_key().read(&token), Err(GrantError::OtherKey));
    for kid in [Some(own.public_key().id()), None] {
        let header = Header {
            typ: Some(GRANT_TYPE.into()),
            kid,
            ..Header::new(Algorithm::EdDSA)
        };
        let token = jsonwebtoken::encode(&header, &grant(), &other.current.encoding).unwrap();
        assert_eq!(own.public_key().read(&token), Err(GrantError::Invalid));
    }
}

#[test]
fn an_ordinary_jwt_or_a_statement_of_the_same_key_is_not_a_grant() {
    let signer = signer();
    let key = signer.public_key();
    let header = Header::new(Algorithm::EdDSA);
    let ordinary = jsonwebtoken::encode(&header, &grant(), &signer.current.encoding).unwrap();
    assert_eq!(key.read(&ordinary), Err(GrantError::WrongType));
    let statement = signer.current.sign(KEY_TYPE, &grant()).unwrap();
    assert_eq!(key.read(&statement), Err(GrantError::WrongType));
}

#[test]
fn an_unsigned_token_is_invalid() {
    let signer = signer();
    let token = signer.sign(&grant()).unwrap();
    let body = token.split('.').nth(1).unwrap();
    let none = BASE64_URL_SAFE_NO_PAD.encode(r#"{"alg":"none","typ":"porthole-grant+jwt"}"#);
    assert_eq!(
        signer.public_key().read(&format!("{none}.{body}.")),
        Err(GrantError::Invalid)
    );
}

#[test]
fn a_sessions_secret_is_its_own_and_outlives_a_restart_and_some_rotations() {
    let first = signer();
    let again: GrantSigner = first.to_string().parse().unwrap();
    let secret = first.session_secret("s");
    assert!(again.is_session_secret("s", &secret));
    assert!(!again.is_session_secret("t", &secret));
    assert!(!again.is_session_secret("s", "") && !again.is_session_secret("s", "??"));
    assert!(!signer().is_session_secret("s", &secret));
    let mut signer = first.rotated().unwrap();
    assert_ne!(signer.session_secret("s"), secret);
    for _ in 0..MAX_PREVIOUS {
        assert!(signer.is_session_secret("s", &secret));
        signer = signer.rotated().unwrap();
    }
    assert!(!signer.is_session_secret("s", &secret));
}

#[test]
fn a_signer_knows_the_grants_of_its_own_key_and_of_some_before_it() {
    let first = signer();
    let token = first.sign(&grant()).unwrap();
    assert_eq!(first.read(&token), Ok(grant()));
    let mut signer = first.rotated().unwrap();
    assert!(first.read(&signer.sign(&grant()).unwrap()).is_err());
    for _ in 0..MAX_PREVIOUS {
        assert_eq!(signer.read(&token), Ok(grant()));
        signer = signer.rotated().unwrap();
    }
    assert_eq!(signer.read(&token), Err(GrantError::OtherKey));
}

#[test]
fn a_stored_signer_is_the_same_and_a_key_that_was_stored_alone_reads_as_before() {
    let first = signer();
    let alone = BASE64_STANDARD.encode(first.pkcs8()) + "\n";
    assert_eq!(first.to_string(), alone);
    let mut signer: GrantSigner = alone.parse().unwrap();
    for _ in 0..3 {
        signer = signer.rotated().unwrap();
        let again: GrantSigner = signer.to_string().parse().unwrap();
        assert_eq!(again.to_string(), signer.to_string());
        let token = signer.sign(&grant()).unwrap();
        assert_eq!(again.public_key().read(&token), Ok(grant()));
    }
    assert_eq!(signer.chain().len(), 3);
    assert!(!format!("{signer:?}").contains(&BASE64_STANDARD.encode(signer.pkcs8())));
}

#[test]
fn a_damaged_file_is_no_signer() {
    let mut signer = signer();
    for _ in 0..3 {
        signer = signer.rotated().unwrap();
    }
    let text = signer.to_string();
    let lines: Vec<_> = text.lines().collect();
    let [current, previous, old, oldest, first, second, third] = lines[..] else {
        panic!("four keys and three statements")
    };
    let foreign = GrantSigner::generate().unwrap().to_string();
    for broken in [
        vec![],
        vec![current, previous, old, oldest],
        vec![current, first, second, third],
        vec![current, previous, old, oldest, first, second],
        vec![current, previous, old, oldest, first, third],
        vec![current, previous, old, oldest, second, first, third],
        vec![previous, current, old, oldest, first, second, third],
        vec![current, foreign.trim(), first, second, third],
        vec![current, previous, "AAAA", first, second, third],
        vec![&current[4..], previous, first, second, third],
        vec![current, previous, "x.y.z", second, third],
        [[previous; 9].as_slice(), &[first, second, third]].concat(),
    ] {
        let text = broken.join("\n");
        assert!(text.parse::<GrantSigner>().is_err(), "{}", broken.len());
    }
    assert!(lines.join("\n").parse::<GrantSigner>().is_ok());
    let shorter = [current, previous, second, third].join("\n");
    assert!(
        shorter.parse::<GrantSigner>().is_ok(),
        "the oldest is forgotten in time"
    );
}

#[test]
fn what_a_guest_is_called_is_never_taken_for_a_user() {
    for (user, called) in [
        ("alice", None),
        ("share:1", None),
        ("share:1", Some("Anna")),
        ("share:1", Some("a/b")),
        ("guest", Some("alice")),
    ] {
        assert_eq!(user_and_called(&subject(user, called)), (user, called));
    }
}
