// SPDX-License-Identifier: MPL-2.0
//! Passkeys: devices by which people show who they are besides a password (WebAuthn), and how they add and remove them.
//!
//! A challenge is nowhere but at the browser that asked for it, sealed for one user and one use; that it was answered is
//! noted in the database, in the transaction in which the answer counts. Any server on it judges any answer so, once.

use std::time::Instant;

use jiff::{SignedDuration, Timestamp};
use serde_json::json;
use uuid::Uuid;

use super::asked::{Ceremony, PasskeyAnswer};
use super::factors::{SecondFactors, logins_of, of_store, purpose};
use super::follow::asked;
use super::password::Verdict;
use super::relying_party::{Refused, Registered};
use super::{Access, AccessError, By, Known, NewLogin, Result, validate};
use crate::lock::lock;
use crate::model::{AuditEntry, Passkey};
use crate::registry::SecretDigest;
use crate::store::{Answered, PasskeyKind, StoreError};

/// Passkeys of one user: some devices, some of them lost.
const MAX_PASSKEYS: usize = 8;
/// How long after signing in one may change what one signs in with: whoever took a cookie that is older may not.
const FRESH: SignedDuration = SignedDuration::from_mins(15);
/// What a passkey is called that was given no name.
const UNNAMED: &str = "Passkey";

/// A passkey that was just added, the recovery codes if they were made with it, and the log-in's next cookie.
pub(crate) struct AddedPasskey {
    pub(crate) passkey: Passkey,
    pub(crate) codes: Vec<String>,
    pub(crate) login: Option<NewLogin>,
}

impl Access {
    /// A user's, the oldest first.
    pub(crate) async fn passkeys(&self, user: &str) -> Result<Vec<Passkey>> {
        let passkeys = asked(self.store()?.passkeys(user)).await;
        passkeys.map_err(of_store)
    }

    /// Whether there can be passkeys here.
    pub(crate) fn has_passkeys(&self) -> bool {
        let factors = self.second_factors.as_ref();
        factors.is_some_and(|factors| factors.relying().is_ok())
    }

    fn factors(&self) -> Result<&SecondFactors> {
        let none = "this server takes passwords alone: run porthole-signaling for passkeys";
        self.second_factors
            .as_ref()
            .ok_or(AccessError::NoPasskeys(none))
    }

    /// Asks for another device of a user who has shown the password again.
    pub(crate) async fn begin_passkey(
        &self,
        by: &By,
        user: &str,
        password: String,
        known: &Known,
    ) -> Result<Ceremony> {
        let factors = self.factors()?;
        factors.relying()?;
        self.user(user)?;
        let made = self.fresh(user, known, by.at)?;
        let (_, verdict) = self.check(user, password, known).await?;
        if verdict == Verdict::Wrong {
            return Err(AccessError::WrongPassword);
        }
        let passkeys = self.passkeys(user).await?;
        check_number(&passkeys)?;
        factors.invite(&of_login(user, made), user, &passkeys, by.at)
    }

    /// Adds the device that has answered. The user's other log-ins end.
    pub(crate) async fn add_passkey(
        &self,
        by: &By,
        user: &str,
        answer: PasskeyAnswer,
        known: &Known,
    ) -> Result<AddedPasskey> {
        let factors = self.factors()?;
        let _order = self.order().await?;
        self.user(user)?;
        let made = self.fresh(user, known, by.at)?;
        let (registered, answered) = registered(factors, &of_login(user, made), &answer, by.at)?;
        let others = self.passkeys(user).await?;
        check_number(&others)?;
        let app = asked(self.store()?.second_factor(user)).await;
        let is_first = others.is_empty() && app.map_err(of_store)?.is_none();
        let (codes, recovery) = match is_first {
            true => factors.recovery_codes(user),
            false => Default::default(),
        };
        let kind = match is_first {
            true => PasskeyKind::First(&recovery),
            false => PasskeyKind::Further,
        };
        let passkey = new_passkey(user, registered, answer.name, by.at)?;
        let audit = entry(by, "passkey.added", &passkey);
        let own = known.cookie;
        let current = own.and_then(|cookie| lock(&self.registry).logins.current(&cookie));
        let added = self
            .store()?
            .add_passkey(&passkey, kind, &answered, current.as_ref(), &audit);
        let added = self.change(logins_of(user), added).await;
        added.map_err(|error| match error {
            // It was answered before, or what it was to stand beside has gone.
            StoreError::NotFound => AccessError::EnrolmentOver,
            error => AccessError::of_store(error, "such a passkey", "no such passkey"),
        })?;
        self.end_over(user);
        let login = self.go_on_with(own, user, by).await?;
        Ok(AddedPasskey {
            passkey,
            codes,
            login,
        })
    }

    /// Calls a passkey something else.
    pub(crate) async fn rename_passkey(
        &self,
        by: &By,
        user: &str,
        id: &str,
        name: &str,
    ) -> Result<Passkey> {
        let store = self.store()?;
        validate::passkey_name(name)?;
        let _order = self.order().await?;
        let mut passkey = self.passkey(user, id).await?;
        passkey.name = name.to_owned();
        let audit = entry(by, "passkey.renamed", &passkey);
        let renamed = store.rename_passkey(user, id, name, &audit);
        let renamed = self.change_logins(logins_of(user), renamed).await;
        renamed.map_err(of_passkey)?;
        Ok(passkey)
    }

    /// Takes a passkey away; the user's other log-ins end. The last second factor of whoever has to have one stays.
    pub(crate) async fn remove_passkey(
        &self,
        by: &By,
        user: &str,
        id: &str,
        known: &Known,
    ) -> Result<Option<NewLogin>> {
        let store = self.store()?;
        let _order = self.order().await?;
        let role = self.user(user)?.role;
        self.fresh(user, known, by.at)?;
        let passkey = self.passkey(user, id).await?;
        let factors = self.second_factors.as_ref();
        let is_asked = factors.is_some_and(|factors| factors.is_asked(role));
        let audit = entry(by, "passkey.removed", &passkey);
        let own = known.cookie;
        let current = own.and_then(|cookie| lock(&self.registry).logins.current(&cookie));
        let removed = store.remove_passkey(user, id, is_asked, current.as_ref(), &audit);
        let removed = self.change(logins_of(user), removed).await;
        removed.map_err(of_passkey)?;
        self.end_over(user);
        self.go_on_with(own, user, by).await
    }

    async fn passkey(&self, user: &str, id: &str) -> Result<Passkey> {
        let passkeys = self.passkeys(user).await?;
        let passkey = passkeys.into_iter().find(|passkey| passkey.id == id);
        passkey.ok_or(AccessError::NotFound("no such passkey"))
    }

    async fn go_on_with(
        &self,
        cookie: Option<SecretDigest>,
        user: &str,
        by: &By,
    ) -> Result<Option<NewLogin>> {
        match cookie {
            Some(cookie) => self.succeed(&cookie, user, None, by).await,
            None => Ok(None),
        }
    }

    /// When whoever asks has signed in, if that was not long ago.
    fn fresh(&self, user: &str, known: &Known, now: Timestamp) -> Result<Timestamp> {
        let cookie = known.cookie.ok_or(AccessError::LogInAgain)?;
        let made = lock(&self.registry)
            .logins
            .made(&cookie, user, Instant::now());
        let made = made.ok_or(AccessError::LogInAgain)?;
        match now.duration_since(made).abs() < FRESH {
            true => Ok(made),
            false => Err(AccessError::LogInAgain),
        }
    }

    /// Judges what a device has signed for somebody who logs in.
    pub(super) async fn check_passkey(
        &self,
        factors: &SecondFactors,
        (user, passkeys): (&str, &[Passkey]),
        answer: &PasskeyAnswer,
        by: &By,
    ) -> Result<()> {
        let challenged = factors.challenged(&purpose("passkey", user), &answer.challenge, by.at);
        let (state, answered) = challenged.ok_or(AccessError::ChallengeOver)?;
        let credentials: Vec<_> = passkeys.iter().map(|p| p.credential.as_str()).collect();
        let asserted =
            factors
                .relying()?
                .finish_authentication(&answer.answer, &state, &credentials);
        let asserted = match asserted {
            Ok(asserted) => asserted,
            Err(Refused::Wrong) => return Err(AccessError::WrongPasskey),
            Err(Refused::CounterBack) => {
                tracing::warn!(user, "a passkey counted back: there may be a copy of it");
                let mut audit = by.entry("passkey.counted-back");
                audit.user = Some(user.to_owned());
                self.log(&[audit]).await?;
                return Err(AccessError::WrongPasskey);
            }
        };
        let known = passkeys
            .get(asserted.index)
            .ok_or(AccessError::WrongPasskey)?;
        let used = Passkey {
            credential: asserted.credential,
            counter: asserted.counter,
            ..known.clone()
        };
        let used = self.store()?.use_passkey(&used, &answered);
        let used = self.change_logins(logins_of(user), used).await;
        used.map_err(|error| match error {
            // Somebody was faster with the same answer, or with a copy of the device; or it was taken away.
            StoreError::NotFound => AccessError::WrongPasskey,
            error => of_store(error),
        })
    }

    /// Gives a passkey to whoever has no second factor yet.
    pub(super) async fn enrol_passkey(
        &self,
        factors: &SecondFactors,
        user: &str,
        answer: PasskeyAnswer,
        by: &By,
    ) -> Result<Vec<String>> {
        let (registered, answered) =
            registered(factors, &purpose("first passkey", user), &answer, by.at)?;
        let passkey = new_passkey(user, registered, answer.name, by.at)?;
        let (codes, recovery) = factors.recovery_codes(user);
        let audit = entry(by, "passkey.added", &passkey);
        let store = self.store()?;
        let kind = PasskeyKind::First(&recovery);
        let added = store.add_passkey(&passkey, kind, &answered, None, &audit);
        let added = self.change_anew(user, added).await;
        added.map_err(|error| match error {
            AccessError::NotFound(_) => AccessError::EnrolmentOver,
            error => error,
        })?;
        Ok(codes)
    }
}

/// Of a registration: it ends in the log-in in which it began.
fn of_login(user: &str, made: Timestamp) -> String {
    purpose(&format!("passkey since {}", made.as_millisecond()), user)
}

fn of_passkey(error: StoreError) -> AccessError {
    AccessError::of_store(error, "such a passkey", "no such passkey")
}

fn check_number(passkeys: &[Passkey]) -> Result<()> {
    match passkeys.len() < MAX_PASSKEYS {
        true => Ok(()),
        false => Err(AccessError::TooManyPasskeys(MAX_PASSKEYS)),
    }
}

fn registered(
    factors: &SecondFactors,
    purpose: &str,
    answer: &PasskeyAnswer,
    now: Timestamp,
) -> Result<(Registered, Answered)> {
    let challenged = factors.challenged(purpose, &answer.challenge, now);
    let (state, answered) = challenged.ok_or(AccessError::EnrolmentOver)?;
    let registered = factors
        .relying()?
        .finish_registration(&answer.answer, &state);
    Ok((registered.ok_or(AccessError::WrongPasskey)?, answered))
}

fn new_passkey(
    user: &str,
    registered: Registered,
    name: Option<String>,
    now: Timestamp,
) -> Result<Passkey> {
    let name = name.unwrap_or_else(|| UNNAMED.to_owned());
    validate::passkey_name(&name)?;
    Ok(Passkey {
        id: Uuid::now_v7().to_string(),
        user: user.to_owned(),
        name,
        credential_id: registered.credential_id,
        credential: registered.credential,
        counter: registered.counter,
        created: now,
        used: None,
    })
}

fn entry(by: &By, action: &str, passkey: &Passkey) -> AuditEntry {
    let mut audit = by.entry(action);
    audit.user = Some(passkey.user.clone());
    audit.subject = Some(passkey.id.clone());
    audit.details = json!({ "name": passkey.name });
    audit
}
