// SPDX-License-Identifier: MPL-2.0
//! What someone shows besides a password: a code of an app, or one of the codes for when that is lost.
//!
//! Who has none yet gets one with the first log-in that asks for it: the secret is made, shown, and kept once a code of it was
//! typed. In between it is nowhere but at the browser, sealed for that user.

use std::fmt;
use std::time::Instant;

use aws_lc_rs::rand;
use base64::prelude::{BASE64_STANDARD, Engine as _};
use jiff::{SignedDuration, Timestamp};
use qrcode::QrCode;
use qrcode::render::svg;

use super::follow::asked;
use super::password::random_letters;
use super::seal::{Seal, Unsealable};
use super::totp::{self, SECRET_BYTES};
use super::{Access, AccessError, By, Result};
use crate::lock::lock;
use crate::model::{Holder, Role, SecondFactor, User};
use crate::registry::{Account, Origin};
use crate::store::{Changed, StoreError};

/// For someone to take out a telephone, and perhaps to install an app on it.
const ENROLMENT_AGE: SignedDuration = SignedDuration::from_mins(15);
/// Codes for when the app is lost: enough for some years, few enough to be written down.
const RECOVERY_CODES: usize = 10;
/// Letters of each, five bits a letter: 60 bits, known by digests with a key.
const RECOVERY_LETTERS: usize = 12;
/// Longest code that is looked at.
const MAX_CODE_BYTES: usize = 64;
/// Longest enrolment that is looked at: a time and a secret, sealed, in base64.
const MAX_ENROLMENT_BYTES: usize = 128;
/// Shortest side of the QR code, in pixels of a page: a telephone reads it from a screen.
const QR_SIDE: u32 = 220;

/// Of whom a second factor is asked, and what they are kept with.
pub(crate) struct SecondFactors {
    seal: Seal,
    /// What apps call this server.
    issuer: String,
}

impl SecondFactors {
    /// `key` is a secret that is not in the database. `None` if it cannot be used.
    pub(crate) fn new(key: &str, issuer: String) -> Option<Self> {
        let seal = Seal::new(key)?;
        Some(Self { seal, issuer })
    }
}

/// What someone shows besides a password.
#[derive(Clone, Default)]
pub(crate) struct Shown {
    pub(crate) code: Option<String>,
    /// Of a second factor that is to be had from now on, as it was given out.
    pub(crate) enrolment: Option<String>,
}

/// A second factor that one is to have.
pub(crate) struct Enrolment {
    /// For who cannot read the QR code.
    pub(crate) secret: String,
    pub(crate) link: String,
    /// A picture, as the address of an image.
    pub(crate) qr: String,
    /// To be sent back with a code.
    pub(crate) sealed: String,
}

impl fmt::Debug for Enrolment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Enrolment(..)")
    }
}

impl From<Unsealable> for AccessError {
    fn from(_: Unsealable) -> Self {
        Self::Busy
    }
}

fn of_store(error: StoreError) -> AccessError {
    AccessError::of_store(
        error,
        "a second factor of this user",
        "no second factor of this user",
    )
}

fn logins_of(user: &str) -> Changed {
    Changed::Logins(Holder::User(user.to_owned()))
}

fn purpose(label: &str, user: &str) -> String {
    format!("{label} {user}")
}

impl Access {
    /// Whether a page of this user may be logged in by a personal link: not where a second factor is asked for.
    pub(super) fn check_link(&self, account: &Account) -> Result<()> {
        let is_asked = self.second_factors.is_some()
            && account.role == Role::Administrator
            && account.origin == Origin::Store;
        match is_asked {
            true => Err(AccessError::LinkWithoutCode),
            false => Ok(()),
        }
    }

    /// Checks the second factor of whoever has the right password, if one is asked for. Returns the recovery codes if
    /// they were made now.
    pub(super) async fn check_second_factor(
        &self,
        user: &User,
        shown: Shown,
        by: &By,
    ) -> Result<Vec<String>> {
        let Some(factors) = &self.second_factors else {
            return Ok(Vec::new());
        };
        if user.role != Role::Administrator {
            return Ok(Vec::new());
        }
        let known = asked(self.store()?.second_factor(&user.name)).await;
        let code = shown.code.filter(|code| code.len() <= MAX_CODE_BYTES);
        let code = code.as_deref().map(normal);
        match (known.map_err(of_store)?, code) {
            (None, code) => self.enrol(factors, user, (code, shown.enrolment), by).await,
            (Some(_), None) => Err(AccessError::CodeNeeded),
            (Some(known), Some(code)) => {
                let checked = self.check_code(factors, &known, &code, by).await;
                if matches!(checked, Err(AccessError::WrongCode)) {
                    // Whoever is here has the password, which its owner should hear of.
                    let mut audit = by.entry("second-factor.wrong");
                    audit.user = Some(user.name.clone());
                    self.log(&[audit]).await?;
                }
                checked.map(|()| Vec::new())
            }
        }
    }

    async fn check_code(
        &self,
        factors: &SecondFactors,
        known: &SecondFactor,
        code: &str,
        by: &By,
    ) -> Result<()> {
        let (store, user) = (self.store()?, known.user.as_str());
        // Nobody's code is taken twice: the store has the last word on that.
        let taken = |error| match error {
            StoreError::NotFound => AccessError::WrongCode,
            error => of_store(error),
        };
        if totp::is_code(code) {
            let secret = factors.seal.open(&purpose("secret", user), &known.secret);
            let secret = secret.ok_or_else(|| {
                tracing::error!(user, "the second factor cannot be read: is second-factor-key the one it was made with?");
                AccessError::SecondFactorLost
            })?;
            let step = totp::step_of(&secret, code, known.last_step, by.at);
            let step = step.ok_or(AccessError::WrongCode)?;
            let used = self.change_logins(logins_of(user), store.use_code(user, step));
            return used.await.map_err(taken);
        }
        let mut audit = by.entry("second-factor.recovered");
        audit.user = Some(user.to_owned());
        let digest = factors.seal.digest(&purpose("recovery", user), code);
        let used = store.use_recovery_code(user, &digest, &audit);
        let used = self.change_logins(logins_of(user), used);
        used.await.map_err(taken)
    }

    /// Gives a second factor to whoever has none, in two steps: shows it, and keeps it once a code of it comes back.
    async fn enrol(
        &self,
        factors: &SecondFactors,
        user: &User,
        (code, sealed): (Option<String>, Option<String>),
        by: &By,
    ) -> Result<Vec<String>> {
        let (Some(code), Some(sealed)) = (code, sealed) else {
            return Err(AccessError::EnrolmentNeeded(Box::new(
                factors.enrolment(&user.name, by.at)?,
            )));
        };
        let secret = factors.opened(&user.name, &sealed, by.at);
        let secret = secret.ok_or(AccessError::EnrolmentOver)?;
        let step = totp::step_of(&secret, &code, 0, by.at).ok_or(AccessError::WrongCode)?;
        let codes = std::iter::repeat_with(|| random_letters::<RECOVERY_LETTERS>(4));
        let codes: Vec<String> = codes.take(RECOVERY_CODES).collect();
        let digest = |code: &String| {
            factors
                .seal
                .digest(&purpose("recovery", &user.name), &normal(code))
        };
        let factor = SecondFactor {
            user: user.name.clone(),
            secret: factors.seal.seal(&purpose("secret", &user.name), &secret)?,
            last_step: step,
            recovery: codes.iter().map(digest).collect(),
            created: by.at,
        };
        let mut audit = by.entry("second-factor.made");
        audit.user = Some(user.name.clone());
        let added = self.store()?.add_second_factor(&factor, &audit);
        // Log-ins from before it was asked for had the password alone.
        self.change_anew(&user.name, added).await?;
        Ok(codes)
    }

    /// Takes a user's second factor away, and ends its log-ins. The next log-in makes another.
    pub(crate) async fn reset_second_factor(&self, by: &By, name: &str) -> Result<()> {
        let store = self.store()?;
        let _order = self.order().await?;
        self.user(name)?;
        let mut audit = by.entry("second-factor.reset");
        audit.user = Some(name.to_owned());
        self.change_anew(name, store.remove_second_factor(name, &audit))
            .await
    }

    /// Has the database change something by which a user's log-ins end, also those that are over and by which a session goes on.
    async fn change_anew(
        &self,
        name: &str,
        change: impl Future<Output = std::result::Result<(), StoreError>>,
    ) -> Result<()> {
        let changed = self.change(logins_of(name), change).await;
        changed.map_err(of_store)?;
        lock(&self.registry)
            .logins
            .remove_over(name, Instant::now());
        Ok(())
    }
}

impl SecondFactors {
    fn enrolment(&self, user: &str, now: Timestamp) -> Result<Enrolment> {
        let mut secret = [0; SECRET_BYTES];
        rand::fill(&mut secret).map_err(|_| AccessError::Busy)?;
        let link = totp::link(&secret, &self.issuer, user);
        let kept = [&now.as_second().to_be_bytes()[..], &secret].concat();
        Ok(Enrolment {
            secret: totp::spelt(&secret),
            qr: picture(&link).ok_or(AccessError::Busy)?,
            sealed: self.seal.seal(&purpose("enrolment", user), &kept)?,
            link,
        })
    }

    /// The secret of an enrolment that was given out to this user not long ago.
    fn opened(&self, user: &str, sealed: &str, now: Timestamp) -> Option<Vec<u8>> {
        if sealed.len() > MAX_ENROLMENT_BYTES {
            return None;
        }
        let kept = self.seal.open(&purpose("enrolment", user), sealed)?;
        let (at, secret) = kept.split_first_chunk::<8>()?;
        let at = Timestamp::from_second(i64::from_be_bytes(*at)).ok()?;
        let age = now.duration_since(at);
        // The time it was made at is in whole seconds.
        let is_good = age > SignedDuration::from_secs(-2) && age < ENROLMENT_AGE;
        is_good.then(|| secret.to_vec())
    }
}

/// A QR code as the address of an image.
fn picture(text: &str) -> Option<String> {
    let code = QrCode::new(text).ok()?;
    let mut renderer = code.render::<svg::Color<'_>>();
    let picture = renderer.min_dimensions(QR_SIDE, QR_SIDE).build();
    let encoded = BASE64_STANDARD.encode(picture);
    Some(format!("data:image/svg+xml;base64,{encoded}"))
}

/// A code as it was typed, however it was written down.
fn normal(code: &str) -> String {
    let kept = code.chars().filter(|c| !c.is_whitespace() && *c != '-');
    kept.flat_map(char::to_lowercase).collect()
}
