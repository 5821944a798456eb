// SPDX-License-Identifier: MPL-2.0
//! Pages log in and out: with a password, a link of their own, or a share link.

use std::time::{Duration, Instant};

use jiff::{SignedDuration, Timestamp};
use porthole_protocol::random_secret;
use serde_json::json;

use super::password::Verdict;
use super::{Access, AccessError, By, Result, share_user};
use crate::lock::lock;
use crate::model::{Holder, Login, Share, User};
use crate::registry::{Origin, SecretDigest};
use crate::store::{Put, StoreError};

/// What is known of the browser that wants to log in.
#[derive(Clone, Default)]
pub(crate) struct Known {
    /// Of the log-in that it has.
    pub(crate) cookie: Option<SecretDigest>,
    /// What says that it was here before; see `access::device`.
    pub(crate) device: Option<String>,
}

/// A log-in that was just made, or has a new cookie.
pub(crate) struct NewLogin {
    pub(crate) user: String,
    pub(crate) cookie: String,
    /// For how long.
    pub(crate) lasts: Duration,
    /// The device's own cookie, by which it is known next time.
    pub(crate) device: Option<String>,
}

fn signed(time: Duration) -> SignedDuration {
    SignedDuration::try_from(time).unwrap_or_default()
}

fn of_store(error: StoreError) -> AccessError {
    AccessError::of_store(error, "such a log-in", "no such log-in")
}

impl Access {
    /// Whether this browser has logged in to this account before.
    pub(crate) fn is_known(&self, user: &str, known: &Known) -> bool {
        let cookie = known.device.as_deref();
        cookie.is_some_and(|cookie| self.devices.device(cookie, user).is_some())
    }

    /// Logs in with a password.
    pub(crate) async fn log_in(
        &self,
        user: &str,
        password: String,
        known: Known,
        now: Timestamp,
    ) -> Result<NewLogin> {
        self.store()?;
        let (seen, verdict) = self.check(user, password.clone(), &known).await?;
        let by = By {
            actor: user.to_owned(),
            at: now,
        };
        if verdict == Verdict::Wrong {
            return Err(AccessError::WrongPassword);
        }
        let rehashed = match verdict {
            Verdict::Outdated => Some(self.passwords.hash(password).await?),
            _ => None,
        };
        let _order = self.order.lock().await;
        let account = self.user(user).map_err(|_| AccessError::WrongPassword)?;
        // It may have been changed while it was compared.
        if account.password != seen {
            return Err(AccessError::WrongPassword);
        }
        if let Some(hash) = rehashed {
            self.store_hash(&account, hash, &by).await?;
        }
        let mut login = self.make_login(user, &known, "password", &by).await?;
        let device = known.device.as_deref();
        let device = device.and_then(|cookie| self.devices.device(cookie, user));
        let device = device.map_or_else(random_secret, str::to_owned);
        login.device = Some(self.devices.cookie(&device, user));
        Ok(login)
    }

    /// Logs in the bearer of a user's own link.
    pub(crate) async fn log_in_by_token(
        &self,
        user: &str,
        token: &SecretDigest,
        known: Known,
        now: Timestamp,
    ) -> Result<NewLogin> {
        let _order = self.order.lock().await;
        if !lock(&self.registry).is_token_of(token, user) {
            return Err(AccessError::WrongSecret);
        }
        let by = By {
            actor: user.to_owned(),
            at: now,
        };
        self.make_login(user, &known, "link", &by).await
    }

    /// Opens a share link. A browser that has opened it before goes on with what it has.
    pub(crate) async fn open_share(
        &self,
        secret: &SecretDigest,
        known: Known,
        now: Timestamp,
    ) -> Result<NewLogin> {
        let store = self.store()?;
        let _order = self.order.lock().await;
        let share = lock(&self.ledger).share_by(secret).cloned();
        let share = share.ok_or(AccessError::WrongSecret)?;
        let user = share_user(&share.id);
        let by = By {
            actor: user.clone(),
            at: now,
        };
        if share.window.end <= now {
            return Err(AccessError::LinkSpent);
        }
        if share.window.start > now {
            return Err(AccessError::LinkNotYet(share.window.start));
        }
        if let Some(cookie) = known.cookie
            && let Some(login) = self.succeed(&cookie, &user, None, &by).await?
        {
            return Ok(login);
        }
        if share.uses >= share.max_uses {
            return Err(AccessError::LinkSpent);
        }
        let (cookie, login) = self.new_login(Holder::Share(share.id.clone()), now);
        let login = Login {
            until: login.until.min(share.window.end),
            ..login
        };
        let mut audit = by.entry("share.opened");
        audit.camera = Some(share.camera.clone());
        audit.subject = Some(share.id.clone());
        let used = store.use_share(secret, &login, now, &audit).await;
        let used: Share = used.map_err(of_store)?;
        lock(&self.ledger).put_share(used);
        Ok(self.remember(&user, cookie, &login, now))
    }

    /// Ends the log-in of a cookie, and the connections made by it.
    pub(crate) async fn log_out(&self, cookie: &SecretDigest, now: Timestamp) -> Result<()> {
        let _order = self.order.lock().await;
        let Some((user, current)) = lock(&self.registry).logins.remove(cookie) else {
            return Ok(());
        };
        let by = By {
            actor: user.clone(),
            at: now,
        };
        let mut audit = by.entry("login.ended");
        audit.user = Some(user);
        match &self.store {
            Some(store) => {
                let removed = store.remove_logins(&[current], &audit).await;
                removed.map_err(of_store)
            }
            None => Ok(()),
        }
    }

    /// Gives a log-in another cookie because it is time.
    pub(crate) async fn go_on(
        &self,
        cookie: &SecretDigest,
        user: &str,
        by: &By,
    ) -> Result<Option<NewLogin>> {
        let _order = self.order.lock().await;
        let login = lock(&self.registry).logins.get(cookie, Instant::now());
        // Another request may have been first.
        match login.is_some_and(|login| login.is_stale) {
            true => self.succeed(cookie, user, None, by).await,
            false => Ok(None),
        }
    }

    /// Gives a log-in another cookie, and the time to its end anew if it was shown a credential again. `None` if the
    /// cookie is not of a log-in of this user.
    pub(super) async fn succeed(
        &self,
        cookie: &SecretDigest,
        user: &str,
        until: Option<Timestamp>,
        by: &By,
    ) -> Result<Option<NewLogin>> {
        let mono = Instant::now();
        let secret = random_secret();
        let new = SecretDigest::of(&secret);
        let (last, end, origin) = {
            let mut registry = lock(&self.registry);
            let until = until.map(|until| mono + left(until, by.at));
            let last = registry.logins.succeed(cookie, new, user, mono, until);
            let end = registry.logins.end(&new);
            (last, end, registry.account(user).map(|a| a.origin))
        };
        let (Some(last), Some(end)) = (last, end) else {
            return Ok(None);
        };
        let lasts = end.saturating_duration_since(mono);
        if let (Some(store), Some(Origin::Store)) = (&self.store, origin) {
            let login = Login {
                cookie: new,
                holder: holder(user),
                created: by.at,
                until: by.at + signed(lasts),
            };
            let rotated = store.rotate_login(&last, &login).await;
            rotated.map_err(of_store)?;
        }
        Ok(Some(NewLogin {
            user: user.to_owned(),
            cookie: secret,
            lasts,
            device: None,
        }))
    }

    /// Ends the log-ins of a user, save one.
    pub(super) async fn end_logins(
        &self,
        by: &By,
        user: &str,
        save: Option<&SecretDigest>,
    ) -> Result<()> {
        let ended = lock(&self.registry).logins.remove_all(user, save);
        let mut audit = by.entry("login.ended");
        audit.user = Some(user.to_owned());
        audit.details = json!({ "count": ended.len() });
        match ended.is_empty() {
            true => Ok(()),
            false => {
                let removed = self.store()?.remove_logins(&ended, &audit).await;
                removed.map_err(of_store)
            }
        }
    }

    /// Compares a password, unless there were too many attempts. Returns the hash it was compared with.
    pub(super) async fn check(
        &self,
        user: &str,
        password: String,
        known: &Known,
    ) -> Result<(Option<String>, Verdict)> {
        let device = known.device.as_deref();
        let device = device.and_then(|cookie| self.devices.device(cookie, user));
        let attempt = lock(&self.throttle).attempt(user, device, Instant::now());
        let attempt = attempt.map_err(AccessError::TooMany)?;
        let hash = lock(&self.ledger)
            .users
            .get(user)
            .and_then(|u| u.password.clone());
        let verdict = self.passwords.verify(password, hash.clone()).await;
        if !matches!(verdict, Ok(Verdict::Wrong)) {
            lock(&self.throttle).forgive(attempt);
        }
        Ok((hash, verdict?))
    }

    async fn store_hash(&self, user: &User, hash: String, by: &By) -> Result<()> {
        let user = User {
            password: Some(hash),
            ..user.clone()
        };
        let mut audit = by.entry("user.changed");
        audit.user = Some(user.name.clone());
        audit.details = json!({ "password": "hashed again" });
        let put = self.store()?.put_user(&user, Put::Existing, &audit).await;
        put.map_err(of_store)?;
        self.put_user(&user);
        Ok(())
    }

    /// Makes a log-in, or goes on with the one that this browser has, with another cookie.
    pub(super) async fn make_login(
        &self,
        user: &str,
        known: &Known,
        way: &str,
        by: &By,
    ) -> Result<NewLogin> {
        let (cookie, login) = self.new_login(holder(user), by.at);
        if let Some(old) = &known.cookie
            && let Some(login) = self.succeed(old, user, Some(login.until), by).await?
        {
            return Ok(login);
        }
        let (origin, end) = {
            let registry = lock(&self.registry);
            (
                registry.account(user).map(|a| a.origin),
                registry.visit_end(user),
            )
        };
        // What the backend said counts no longer than it said.
        let end = end.map(|end| by.at + signed(end.saturating_duration_since(Instant::now())));
        let login = Login {
            until: end.map_or(login.until, |end| end.min(login.until)),
            ..login
        };
        if let (Some(store), Some(Origin::Store)) = (&self.store, origin) {
            let mut audit = by.entry("login.made");
            audit.user = Some(user.to_owned());
            audit.details = json!({ "with": way });
            let added = store.add_login(&login, by.at, &audit).await;
            added.map_err(of_store)?;
        }
        Ok(self.remember(user, cookie, &login, by.at))
    }

    fn new_login(&self, holder: Holder, now: Timestamp) -> (String, Login) {
        let cookie = random_secret();
        let login = Login {
            cookie: SecretDigest::of(&cookie),
            holder,
            created: now,
            until: now + SignedDuration::try_from(self.login).unwrap_or_default(),
        };
        (cookie, login)
    }

    fn remember(&self, user: &str, cookie: String, login: &Login, now: Timestamp) -> NewLogin {
        let mono = Instant::now();
        let lasts = left(login.until, now);
        let until = mono + lasts;
        // What had to go is over at the latest at its own end, in the store as well.
        lock(&self.registry)
            .logins
            .add(login.cookie, user, mono, until);
        NewLogin {
            user: user.to_owned(),
            cookie,
            lasts,
            device: None,
        }
    }
}

fn holder(user: &str) -> Holder {
    match user.strip_prefix("share:") {
        Some(id) => Holder::Share(id.to_owned()),
        None => Holder::User(user.to_owned()),
    }
}

pub(super) fn left(until: Timestamp, now: Timestamp) -> Duration {
    Duration::try_from(until.duration_since(now)).unwrap_or_default()
}
