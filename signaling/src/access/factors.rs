// SPDX-License-Identifier: MPL-2.0
//! What second factors are made of, and kept with. Pure, but for random numbers: the time is an argument.

use aws_lc_rs::rand;
use jiff::{SignedDuration, Timestamp};
use url::Url;
use uuid::Uuid;

use super::asked::{Ceremony, Enrolment};
use super::password::random_letters;
use super::relying_party::{Begun, RelyingParty};
use super::seal::{Seal, Unsealable};
use super::totp::{self, SECRET_BYTES};
use super::{AccessError, Result};
use crate::model::{Holder, Passkey, Role};
use crate::qr::picture;
use crate::registry::SecretDigest;
use crate::store::{Answered, Changed, StoreError};

/// For someone to take out a telephone, and perhaps to install an app on it.
const ENROLMENT_AGE: SignedDuration = SignedDuration::from_mins(15);
/// Codes for when the app is lost: enough for some years, few enough to be written down.
const RECOVERY_CODES: usize = 10;
/// Letters of each, five bits a letter: 60 bits, known by digests with a key.
const RECOVERY_LETTERS: usize = 12;
/// For a person to find the device, and what it asks: as long as browsers are told to wait.
const CHALLENGE_AGE: SignedDuration = SignedDuration::from_mins(5);
/// Longest enrolment that is looked at: a time and a secret, sealed, in base64.
const MAX_ENROLMENT_BYTES: usize = 128;
/// Longest challenge that is looked at: a time and what the crate keeps, sealed, with the names of all devices of a user.
const MAX_CHALLENGE_BYTES: usize = 12 * 1024;

/// Of whom second factors are asked, and what they are kept with.
pub(crate) struct SecondFactors {
    pub(super) seal: Seal,
    /// What apps call this server.
    issuer: String,
    /// Whether every administrator has to have one. Who has a passkey is asked for it in any case.
    of_administrators: bool,
    /// Or why there are no passkeys here.
    relying: std::result::Result<RelyingParty, &'static str>,
}

impl From<Unsealable> for AccessError {
    fn from(_: Unsealable) -> Self {
        Self::Busy
    }
}

pub(super) fn of_store(error: StoreError) -> AccessError {
    AccessError::of_store(
        error,
        "a second factor of this user",
        "no second factor of this user",
    )
}

pub(super) fn logins_of(user: &str) -> Changed {
    Changed::Logins(Holder::User(user.to_owned()))
}

pub(super) fn purpose(label: &str, user: &str) -> String {
    format!("{label} {user}")
}

impl SecondFactors {
    /// `key` is a secret that is not in the database; `url` is where the server is reached from outside. `None` if the key
    /// cannot be used.
    pub(crate) fn new(
        key: &str,
        issuer: String,
        of_administrators: bool,
        url: Option<&Url>,
    ) -> Option<Self> {
        let no_url = "passkeys are for one address: set url in the configuration to where the server is reached";
        Some(Self {
            seal: Seal::new(key)?,
            issuer,
            of_administrators,
            relying: url.ok_or(no_url).and_then(RelyingParty::new),
        })
    }

    pub(super) fn is_asked(&self, role: Role) -> bool {
        self.of_administrators && role == Role::Administrator
    }

    pub(super) fn relying(&self) -> Result<&RelyingParty> {
        let relying = self.relying.as_ref();
        relying.map_err(|why| AccessError::NoPasskeys(why))
    }

    /// Codes for when the rest is lost, and by what they are known.
    pub(super) fn recovery_codes(&self, user: &str) -> (Vec<String>, Vec<SecretDigest>) {
        let codes = std::iter::repeat_with(|| random_letters::<RECOVERY_LETTERS>(4));
        let codes: Vec<String> = codes.take(RECOVERY_CODES).collect();
        let digest = |code: &String| {
            let purpose = purpose("recovery", user);
            self.seal.digest(&purpose, &normal(code))
        };
        let digests = codes.iter().map(digest).collect();
        (codes, digests)
    }

    pub(super) fn enrolment(&self, user: &str, now: Timestamp) -> Result<Enrolment> {
        let mut secret = [0; SECRET_BYTES];
        rand::fill(&mut secret).map_err(|_| AccessError::Busy)?;
        let link = totp::link(&secret, &self.issuer, user);
        let kept = [&now.as_second().to_be_bytes()[..], &secret].concat();
        Ok(Enrolment {
            secret: totp::spelt(&secret),
            qr: picture(&link).ok_or(AccessError::Busy)?,
            sealed: self.seal.seal(&purpose("enrolment", user), &kept)?,
            link,
            passkey: self.offer(user, now)?,
        })
    }

    /// Asks for a signature by one of a user's passkeys, if there are any and they work here.
    pub(super) fn ask(
        &self,
        user: &str,
        passkeys: &[Passkey],
        now: Timestamp,
    ) -> Result<Option<Ceremony>> {
        let Ok(relying) = &self.relying else {
            return Ok(None);
        };
        if passkeys.is_empty() {
            return Ok(None);
        }
        let credentials = passkeys.iter().map(|passkey| passkey.credential.as_str());
        let begun = relying.begin_authentication(credentials);
        let begun = begun.ok_or(AccessError::SecondFactorLost)?;
        self.ceremony(&purpose("passkey", user), begun, now)
            .map(Some)
    }

    /// Asks for a device that is to be a user's first second factor, where there can be one.
    fn offer(&self, user: &str, now: Timestamp) -> Result<Option<Ceremony>> {
        match &self.relying {
            Ok(_) => self
                .invite(&purpose("first passkey", user), user, &[], now)
                .map(Some),
            Err(_) => Ok(None),
        }
    }

    /// Asks for a device that a user has not added yet.
    pub(super) fn invite(
        &self,
        purpose: &str,
        user: &str,
        known: &[Passkey],
        now: Timestamp,
    ) -> Result<Ceremony> {
        let known = known.iter().map(|passkey| passkey.credential.as_str());
        let begun = self
            .relying()?
            .begin_registration(self.handle(user), user, known);
        self.ceremony(purpose, begun.ok_or(AccessError::SecondFactorLost)?, now)
    }

    /// By what devices know a user: it says nothing of the name, and stays the same.
    fn handle(&self, user: &str) -> Uuid {
        let digest = self.seal.digest(&purpose("handle", user), "");
        Uuid::from_bytes(digest.half())
    }

    fn ceremony(&self, purpose: &str, begun: Begun, now: Timestamp) -> Result<Ceremony> {
        let kept = [&now.as_second().to_be_bytes()[..], begun.state.as_bytes()].concat();
        Ok(Ceremony {
            options: begun.options,
            challenge: self.seal.seal(purpose, &kept)?,
        })
    }

    /// What is kept of a challenge that was given out for this purpose not long ago, and how it is noted that it was answered.
    pub(super) fn challenged(
        &self,
        purpose: &str,
        challenge: &str,
        now: Timestamp,
    ) -> Option<(String, Answered)> {
        if challenge.len() > MAX_CHALLENGE_BYTES {
            return None;
        }
        let kept = self.seal.open(purpose, challenge)?;
        let (begun, state) = begun_at(&kept, CHALLENGE_AGE, now)?;
        let state = String::from_utf8(state.to_vec()).ok()?;
        let answered = Answered {
            challenge: SecretDigest::of(&state),
            until: begun + CHALLENGE_AGE,
            at: now,
        };
        Some((state, answered))
    }

    /// The secret of an enrolment that was given out to this user not long ago.
    pub(super) fn opened(&self, user: &str, sealed: &str, now: Timestamp) -> Option<Vec<u8>> {
        if sealed.len() > MAX_ENROLMENT_BYTES {
            return None;
        }
        let kept = self.seal.open(&purpose("enrolment", user), sealed)?;
        let (_, secret) = begun_at(&kept, ENROLMENT_AGE, now)?;
        Some(secret.to_vec())
    }
}

/// When something that was sealed was given out, and what it is, unless that is too long ago.
fn begun_at(kept: &[u8], age: SignedDuration, now: Timestamp) -> Option<(Timestamp, &[u8])> {
    let (at, rest) = kept.split_first_chunk::<8>()?;
    let at = Timestamp::from_second(i64::from_be_bytes(*at)).ok()?;
    let passed = now.duration_since(at);
    // The time it was made at is in whole seconds.
    let is_good = passed > SignedDuration::from_secs(-2) && passed < age;
    is_good.then_some((at, rest))
}

/// A code as it was typed, however it was written down.
pub(super) fn normal(code: &str) -> String {
    let kept = code.chars().filter(|c| !c.is_whitespace() && *c != '-');
    kept.flat_map(char::to_lowercase).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    fn factors(key: &str) -> SecondFactors {
        SecondFactors::new(key, "Porthole".to_owned(), true, None).unwrap()
    }

    #[test]
    fn a_challenge_is_for_one_thing_and_for_five_minutes() {
        let ours = factors("a");
        let begun = || Begun {
            options: json!({}),
            state: "state".to_owned(),
        };
        let Ok(given) = ours.ceremony("of anna", begun(), at(100)) else {
            panic!("it cannot be sealed");
        };
        let challenged = |factors: &SecondFactors, purpose: &str, now| {
            factors.challenged(purpose, &given.challenge, at(now))
        };
        let (state, answered) = challenged(&ours, "of anna", 399).unwrap();
        assert_eq!((&*state, answered.until), ("state", at(400)));
        for (factors, purpose, now) in [
            (&ours, "of anna", 400),
            (&ours, "of anna", 97),
            (&ours, "of bob", 100),
            (&factors("b"), "of anna", 100),
        ] {
            assert!(
                challenged(factors, purpose, now).is_none(),
                "{purpose} {now}"
            );
        }
        // Two that were given out are two.
        let other = ours.ceremony("of anna", begun(), at(100)).ok().unwrap();
        assert_ne!(other.challenge, given.challenge);
        let long = "A".repeat(MAX_CHALLENGE_BYTES + 1);
        assert!(ours.challenged("of anna", &long, at(100)).is_none());
    }

    #[test]
    fn without_an_address_there_are_no_passkeys_and_it_is_said_why() {
        let error = factors("a").relying().err().unwrap().to_string();
        assert!(error.contains("set url in the configuration"), "{error}");
        let Ok(enrolment) = factors("a").enrolment("anna", at(100)) else {
            panic!("there is none");
        };
        assert!(enrolment.passkey.is_none());
    }
}
