// SPDX-License-Identifier: MPL-2.0
use jsonwebtoken::{Algorithm, EncodingKey, Header};

use super::*;
use crate::grant::{GRANT_TYPE, GrantSigner, Permission};

/// A server's signers, from its first key on.
fn signers(rotations: usize) -> Vec<GrantSigner> {
    let mut all = vec![GrantSigner::generate().unwrap()];
    for _ in 0..rotations {
        let next = all[all.len() - 1].rotated().unwrap();
        all.push(next);
    }
    all
}

fn pinned(signer: &GrantSigner) -> KeyRing {
    KeyRing::new(signer.public_key())
}

fn grant(signer: &GrantSigner) -> String {
    let grant = Grant {
        aud: "front".into(),
        sub: "alice".into(),
        sid: "s".into(),
        nonce: "n".into(),
        seq: 0,
        lease: 60,
        perms: vec![Permission::View],
        booked: None,
        door_call: None,
    };
    signer.sign(&grant).unwrap()
}

/// What `signer` says of `next`, in a token of this type.
fn statement(signer: &GrantSigner, kid: &GrantSigner, typ: &str, next: NextKey) -> String {
    let header = Header {
        typ: Some(typ.to_owned()),
        kid: Some(kid.public_key().id()),
        ..Header::new(Algorithm::EdDSA)
    };
    let key = EncodingKey::from_ed_der(signer.pkcs8());
    jsonwebtoken::encode(&header, &next, &key).unwrap()
}

/// Which of these signers' grants are taken.
fn taken(ring: &KeyRing, signers: &[GrantSigner]) -> Vec<usize> {
    let signers = signers.iter().enumerate();
    let taken = signers.filter(|(_, signer)| ring.read(&grant(signer)).is_ok());
    taken.map(|(n, _)| n).collect()
}

#[test]
fn a_key_is_named_by_its_thumbprint() {
    // The example of RFC 8037, appendix A.3.
    let key = r#""11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo""#;
    let key: GrantKey = serde_json::from_str(key).unwrap();
    assert_eq!(key.id(), "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k");
}

#[test]
fn whichever_key_a_camera_was_enrolled_with_it_ends_at_the_newest_and_takes_no_other() {
    let all = signers(4);
    let chain = all[4].chain();
    for (n, signer) in all.iter().enumerate() {
        let mut ring = pinned(signer);
        assert_eq!(taken(&ring, &all), [n]);
        assert_eq!(ring.learn(chain), Ok(4 - n));
        assert_eq!(taken(&ring, &all), [4]);
        assert!(all[4].follows(signer.public_key()));
        assert_eq!(ring.learn(chain), Ok(0), "it has heard that before");
        assert_eq!(taken(&ring, &all), [4]);
    }
}

#[test]
fn a_statement_of_a_wrong_key_teaches_nothing() {
    let all = signers(1);
    let stranger = GrantSigner::generate().unwrap();
    let next = NextKey {
        key: stranger.public_key(),
        seq: 1,
    };
    let mut ring = pinned(&all[0]);
    // He signs in his own name, and in the server's.
    let own = statement(&stranger, &stranger, KEY_TYPE, next);
    assert_eq!(ring.learn(&[own]), Ok(0));
    let forged = statement(&stranger, &all[0], KEY_TYPE, next);
    assert_eq!(ring.learn(&[forged]), Err(GrantError::Invalid));
    assert!(ring.read(&grant(&stranger)).is_err());
    assert!(!stranger.follows(all[0].public_key()) && !all[0].follows(all[1].public_key()));
    assert_eq!(ring.learn(all[1].chain()), Ok(1));
}

#[test]
fn what_an_old_key_says_counts_for_nothing_once_there_is_a_newer_one() {
    let all = signers(3);
    let mut ring = pinned(&all[0]);
    assert_eq!(ring.learn(all[3].chain()), Ok(3));
    // The old chain again, and a new statement by someone who found an old key.
    assert_eq!(ring.learn(all[1].chain()), Ok(0));
    let stolen = all[1].rotated().unwrap();
    assert_eq!(ring.learn(stolen.chain()), Ok(0));
    // The newest key itself does not lead back.
    let back = NextKey {
        key: all[1].public_key(),
        seq: 2,
    };
    let back = statement(&all[3], &all[3], KEY_TYPE, back);
    assert_eq!(ring.learn(&[back]), Ok(0));
    assert_eq!(taken(&ring, &all), [3]);
    assert!(ring.read(&grant(&stolen)).is_err());
}

#[test]
fn a_chain_with_a_gap_leads_to_the_gap() {
    let all = signers(3);
    let mut chain = all[3].chain().to_vec();
    chain.remove(1);
    let mut ring = pinned(&all[0]);
    assert_eq!(ring.learn(&chain), Ok(1));
    assert_eq!(taken(&ring, &all), [1]);
    assert_eq!(ring.read(&grant(&all[3])), Err(GrantError::OtherKey));
    let mut ring = pinned(&all[0]);
    let backwards: Vec<_> = all[3].chain().iter().rev().cloned().collect();
    assert_eq!(ring.learn(&backwards), Ok(1), "out of order");
}

#[test]
fn a_token_of_another_type_is_no_statement() {
    let all = signers(1);
    let next = NextKey {
        key: all[1].public_key(),
        seq: 1,
    };
    let mut ring = pinned(&all[0]);
    for typ in [GRANT_TYPE, "JWT", ""] {
        let token = statement(&all[0], &all[0], typ, next);
        assert_eq!(ring.learn(&[token]), Err(GrantError::WrongType), "{typ}");
    }
    assert!(ring.learn(&[grant(&all[0])]).is_err());
    assert_eq!(
        ring.learn(&["not a token".into()]),
        Err(GrantError::Invalid)
    );
    assert_eq!(taken(&ring, &all), [0]);
}

#[test]
fn the_chain_is_bounded_on_both_sides() {
    let all = signers(MAX_CHAIN + 1);
    let last = &all[MAX_CHAIN + 1];
    assert_eq!(last.chain().len(), MAX_CHAIN);
    let stored: GrantSigner = last.to_string().parse().unwrap();
    assert_eq!(stored.chain(), last.chain());
    assert_eq!(pinned(&all[1]).learn(last.chain()), Ok(MAX_CHAIN));
    let mut oldest = pinned(&all[0]);
    assert_eq!(oldest.learn(last.chain()), Ok(0));
    assert_eq!(oldest.read(&grant(last)), Err(GrantError::OtherKey));
    let padded = [vec!["x.y.z".to_owned(); MAX_CHAIN], last.chain().to_vec()].concat();
    assert_eq!(pinned(&all[1]).learn(&padded), Err(GrantError::Invalid));
}
