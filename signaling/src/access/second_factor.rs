// SPDX-License-Identifier: MPL-2.0
//! What someone shows besides a password: a code of an app, a passkey, or one of the codes for when those are lost.
//!
//! Who has none yet gets one with the first log-in that asks for it: the secret is made, shown, and kept once a code of it was
//! typed. In between it is nowhere but at the browser, sealed for that user.

use std::time::Instant;

use super::asked::{Asked, Shown};
use super::factors::{SecondFactors, logins_of, normal, of_store, purpose};
use super::follow::asked;
use super::totp;
use super::{Access, AccessError, By, Result};
use crate::lock::lock;
use crate::model::{SecondFactor, User};
use crate::registry::{Account, Origin};
use crate::store::StoreError;

/// Longest code that is looked at.
const MAX_CODE_BYTES: usize = 64;
impl Access {
    /// Whether a page of this user may be logged in by a personal link: not where more is asked than one secret.
    pub(super) async fn check_link(&self, account: &Account) -> Result<()> {
        if account.origin != Origin::Store {
            return Ok(());
        }
        let is_asked = |factors: &SecondFactors| factors.is_asked(account.role);
        let is_asked = self.second_factors.as_ref().is_some_and(is_asked);
        match is_asked || !self.passkeys(&account.rights.user).await?.is_empty() {
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
        let passkeys = self.passkeys(&user.name).await?;
        let Some(factors) = &self.second_factors else {
            // By a server that cannot check them nobody comes in without.
            return match passkeys.is_empty() {
                true => Ok(Vec::new()),
                false => Err(AccessError::SecondFactorLost),
            };
        };
        if passkeys.is_empty() && !factors.is_asked(user.role) {
            return Ok(Vec::new());
        }
        let app = asked(self.store()?.second_factor(&user.name)).await;
        let app = app.map_err(of_store)?;
        if app.is_none() && passkeys.is_empty() {
            return self.enrol(factors, user, shown, by).await;
        }
        let code = shown.code.filter(|code| code.len() <= MAX_CODE_BYTES);
        let checked = match (shown.passkey, code.as_deref().map(normal)) {
            (Some(answer), _) => {
                self.check_passkey(factors, (&user.name, &passkeys), &answer, by)
                    .await
            }
            (None, Some(code)) => {
                self.check_code(factors, (&user.name, app.as_ref()), &code, by)
                    .await
            }
            (None, None) => Err(AccessError::CodeNeeded(Box::new(Asked {
                app: app.is_some(),
                passkey: factors.ask(&user.name, &passkeys, by.at)?,
            }))),
        };
        if let Err(AccessError::WrongCode | AccessError::WrongPasskey) = &checked {
            // Whoever is here has the password, which its owner should hear of.
            let mut audit = by.entry("second-factor.wrong");
            audit.user = Some(user.name.clone());
            self.log(&[audit]).await?;
        }
        checked.map(|()| Vec::new())
    }

    async fn check_code(
        &self,
        factors: &SecondFactors,
        (user, app): (&str, Option<&SecondFactor>),
        code: &str,
        by: &By,
    ) -> Result<()> {
        let store = self.store()?;
        // Nobody's code is taken twice: the store has the last word on that.
        let taken = |error| match error {
            StoreError::NotFound => AccessError::WrongCode,
            error => of_store(error),
        };
        if totp::is_code(code) {
            let app = app.ok_or(AccessError::WrongCode)?;
            let secret = factors.seal.open(&purpose("secret", user), &app.secret);
            let secret = secret.ok_or_else(|| {
                tracing::error!(user, "the second factor cannot be read: is second-factor-key the one it was made with?");
                AccessError::SecondFactorLost
            })?;
            let step = totp::step_of(&secret, code, app.last_step, by.at);
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

    /// Gives a second factor to whoever has none, in two steps: shows it, and keeps it once a code of it, or the device's
    /// answer, comes back.
    async fn enrol(
        &self,
        factors: &SecondFactors,
        user: &User,
        shown: Shown,
        by: &By,
    ) -> Result<Vec<String>> {
        let name = user.name.as_str();
        if let Some(answer) = shown.passkey {
            return self.enrol_passkey(factors, name, answer, by).await;
        }
        let code = shown.code.filter(|code| code.len() <= MAX_CODE_BYTES);
        let (Some(code), Some(sealed)) = (code.as_deref().map(normal), shown.enrolment) else {
            return Err(AccessError::EnrolmentNeeded(Box::new(
                factors.enrolment(name, by.at)?,
            )));
        };
        let secret = factors.opened(name, &sealed, by.at);
        let secret = secret.ok_or(AccessError::EnrolmentOver)?;
        let step = totp::step_of(&secret, &code, 0, by.at).ok_or(AccessError::WrongCode)?;
        let (codes, recovery) = factors.recovery_codes(name);
        let factor = SecondFactor {
            user: name.to_owned(),
            secret: factors.seal.seal(&purpose("secret", name), &secret)?,
            last_step: step,
            recovery,
            created: by.at,
        };
        let mut audit = by.entry("second-factor.made");
        audit.user = Some(name.to_owned());
        let added = self.store()?.add_second_factor(&factor, &audit);
        // Log-ins from before it was asked for had the password alone.
        self.change_anew(name, added).await?;
        Ok(codes)
    }

    /// Takes all second factors of a user away, and ends its log-ins. Where one is asked for, the next log-in makes another.
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
    pub(super) async fn change_anew(
        &self,
        name: &str,
        change: impl Future<Output = std::result::Result<(), StoreError>>,
    ) -> Result<()> {
        let changed = self.change(logins_of(name), change).await;
        changed.map_err(of_store)?;
        self.end_over(name);
        Ok(())
    }

    /// Ends a user's log-ins that are over, and what goes on by them.
    pub(super) fn end_over(&self, name: &str) {
        lock(&self.registry)
            .logins
            .remove_over(name, Instant::now());
    }
}
