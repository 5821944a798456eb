// SPDX-License-Identifier: MPL-2.0
//! Pages log in and out: with a password or a link of their own. Share links are opened in `shares`.

use std::net::IpAddr;
use std::time::{Duration, Instant};

use jiff::{SignedDuration, Timestamp};
use porthole_protocol::random_secret;
use serde_json::json;

use super::password::{Asker, Verdict};
use super::throttle::Attempt;
use super::visit::{Visit, left};
use super::{Access, AccessError, By, Result, Shown, as_kept};
use crate::lock::lock;
use crate::model::{Holder, Login, User};
use crate::registry::{Origin, SecretDigest};
use crate::rights::share_user;
use crate::store::{Changed, Put, StoreError};

/// What is known of the browser that wants to log in.
#[derive(Clone, Default)]
pub(crate) struct Known {
    /// Of the log-in that it has.
    pub(crate) cookie: Option<SecretDigest>,
    /// What says that it was here before; see `access::device`.
    pub(crate) device: Option<String>,
    /// Where it is; `None` for who has shown who it is.
    pub(crate) address: Option<IpAddr>,
}

/// A log-in that was just made, or has a new cookie.
pub(crate) struct NewLogin {
    pub(crate) user: String,
    /// Of someone whom a backend knows: what was said of whom.
    pub(crate) visit: Option<SecretDigest>,
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

    /// Logs in with a password, and with a second factor where one is asked for. Returns the recovery codes of one that was
    /// made now.
    pub(crate) async fn log_in(
        &self,
        user: &str,
        password: String,
        shown: Shown,
        known: Known,
        now: Timestamp,
    ) -> Result<(NewLogin, Vec<String>)> {
        self.store()?;
        let attempt = self.attempt(user, &known)?;
        let made = self.log_in_once(user, password, shown, &known, now).await;
        if !matches!(
            made,
            Err(AccessError::WrongPassword | AccessError::WrongCode | AccessError::WrongPasskey)
        ) {
            self.forgive(attempt);
        }
        made
    }

    async fn log_in_once(
        &self,
        user: &str,
        password: String,
        shown: Shown,
        known: &Known,
        now: Timestamp,
    ) -> Result<(NewLogin, Vec<String>)> {
        let (seen, verdict) = self.compare(user, password.clone(), known).await?;
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
        let _order = self.order().await?;
        self.refresh(Changed::User(user.to_owned())).await?;
        let account = self.user(user).map_err(|_| AccessError::WrongPassword)?;
        // It may have been changed while it was compared.
        if account.password != seen {
            return Err(AccessError::WrongPassword);
        }
        let mut hash = account.password.clone();
        if let Some(rehashed) = rehashed {
            self.store_hash(&account, rehashed.clone(), &by).await?;
            hash = Some(rehashed);
        }
        let codes = self.check_second_factor(&account, shown, &by).await?;
        let login = self.make_login(user, None, known, "password", &by).await?;
        // Of an administrator more is asked.
        let is_same = |user: &User| user.password == hash && user.role == account.role;
        let mut login = self.still(login, is_same).await?;
        let device = known.device.as_deref();
        let device = device.and_then(|cookie| self.devices.device(cookie, user));
        let device = device.map_or_else(random_secret, str::to_owned);
        login.device = Some(self.devices.cookie(&device, user));
        Ok((login, codes))
    }

    /// Logs in the bearer of a user's own link.
    pub(crate) async fn log_in_by_token(
        &self,
        user: &str,
        token: &SecretDigest,
        known: Known,
        now: Timestamp,
    ) -> Result<NewLogin> {
        let _order = self.order().await?;
        let account = lock(&self.registry).account_of_token(token, user).cloned();
        let account = account.ok_or(AccessError::WrongSecret)?;
        self.check_link(&account).await?;
        let visit = self.visit_of(token, &account);
        let by = By {
            actor: user.to_owned(),
            at: now,
        };
        let login = self.make_login(user, visit, &known, "link", &by).await?;
        match account.origin == Origin::Store {
            true => {
                // As above: it has become an administrator's meanwhile.
                let is_same = |user: &User| user.token == Some(*token) && user.role == account.role;
                self.still(login, is_same).await
            }
            false => Ok(login),
        }
    }

    /// Lets a log-in stand if its user has the secret still by which it was made. Another server on the same database may
    /// have changed that meanwhile: if it did before this look, it is seen here, and if after it, it ends this log-in too.
    async fn still(&self, login: NewLogin, has: impl Fn(&User) -> bool) -> Result<NewLogin> {
        self.follow(Changed::User(login.user.clone())).await;
        if self.user(&login.user).is_ok_and(|user| has(&user)) {
            return Ok(login);
        }
        let cookie = SecretDigest::of(&login.cookie);
        self.end(&cookie, Timestamp::now()).await?;
        Err(AccessError::WrongSecret)
    }

    /// Ends the log-in of a cookie, and the connections made by it.
    pub(crate) async fn log_out(&self, cookie: &SecretDigest, now: Timestamp) -> Result<()> {
        let _order = self.order().await?;
        self.end(cookie, now).await
    }

    async fn end(&self, cookie: &SecretDigest, now: Timestamp) -> Result<()> {
        let Some((user, current)) = lock(&self.registry).logins.remove(cookie) else {
            return Ok(());
        };
        let by = By {
            actor: user.to_string(),
            at: now,
        };
        let mut audit = by.entry("login.ended");
        audit.user = Some(user.to_string());
        match &self.store {
            Some(store) => {
                let holder = holder(&by.actor);
                let cookies = [current];
                let removed = store.remove_logins(&holder, &cookies, &audit);
                let removed = self.change_logins(Changed::Logins(holder.clone()), removed);
                removed.await.map_err(of_store)
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
        let _order = self.order().await?;
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
        let until = until.map(|until| mono + left(until, by.at));
        let (last, end, origin, visit) = {
            let mut registry = lock(&self.registry);
            let login = registry.logins.get(cookie, mono);
            let login = login.filter(|login| *login.user == *user);
            let last = registry.logins.current(cookie);
            let (Some(login), Some(last)) = (login, last) else {
                return Ok(None);
            };
            let end = until.unwrap_or(*login.end.borrow());
            let origin = registry.account(user).map(|a| a.origin);
            (last, end, origin, login.visit)
        };
        let lasts = end.saturating_duration_since(mono);
        // The store first: what fails leaves both with the cookie of before.
        if let (Some(store), Some(Origin::Store)) = (&self.store, origin) {
            let login = Login {
                cookie: new,
                holder: holder(user),
                created: by.at,
                until: by.at + signed(lasts),
            };
            let rotated = store.rotate_login(&last, &login);
            let rotated = self.change_logins(Changed::Logins(holder(user)), rotated);
            rotated.await.map_err(of_store)?;
        }
        let went_on = lock(&self.registry)
            .logins
            .succeed(cookie, new, user, mono, until);
        if went_on.is_none() {
            return Ok(None);
        }
        Ok(Some(NewLogin {
            user: user.to_owned(),
            visit,
            cookie: secret,
            lasts,
            device: None,
        }))
    }

    /// Compares a password, unless there were too many attempts. Returns the hash it was compared with.
    pub(super) async fn check(
        &self,
        user: &str,
        password: String,
        known: &Known,
    ) -> Result<(Option<String>, Verdict)> {
        let attempt = self.attempt(user, known)?;
        let compared = self.compare(user, password, known).await;
        if !matches!(compared, Ok((_, Verdict::Wrong))) {
            self.forgive(attempt);
        }
        compared
    }

    async fn compare(
        &self,
        user: &str,
        password: String,
        known: &Known,
    ) -> Result<(Option<String>, Verdict)> {
        let hash = lock(&self.ledger)
            .user(user)
            .and_then(|u| u.password.clone());
        let asker = Asker::new(known.address, self.is_known(user, known));
        let verdict = self.passwords.verify(asker, password, hash.clone()).await?;
        Ok((hash, verdict))
    }

    /// Counts an attempt at an account before it is judged, unless there were too many.
    pub(crate) fn attempt(&self, user: &str, known: &Known) -> Result<Attempt> {
        let device = known.device.as_deref();
        let device = device.and_then(|cookie| self.devices.device(cookie, user));
        let attempt = lock(&self.throttle).attempt(user, device, Instant::now());
        attempt.map_err(AccessError::TooMany)
    }

    /// It was none at guessing.
    pub(crate) fn forgive(&self, attempt: Attempt) {
        lock(&self.throttle).forgive(attempt);
    }

    async fn store_hash(&self, user: &User, hash: String, by: &By) -> Result<()> {
        let user = User {
            password: Some(hash),
            ..user.clone()
        };
        let mut audit = by.entry("user.changed");
        audit.user = Some(user.name.clone());
        audit.details = json!({ "password": "hashed again" });
        let put = self.store()?.put_user(&user, Put::Existing, &audit);
        let put = self.change(Changed::User(user.name.clone()), put);
        put.await.map_err(of_store)
    }

    /// Makes a log-in, or goes on with the one that this browser has, with another cookie. What a backend said of someone
    /// is what the log-in has from then on, and for no longer than it said.
    pub(super) async fn make_login(
        &self,
        user: &str,
        visit: Option<Visit>,
        known: &Known,
        way: &str,
        by: &By,
    ) -> Result<NewLogin> {
        let (cookie, login) = self.new_login(holder(user), by.at);
        let end = visit.as_ref().map(|visit| {
            let left = visit.until.saturating_duration_since(Instant::now());
            by.at + signed(left)
        });
        let login = Login {
            until: end.map_or(login.until, |end| end.min(login.until)),
            ..login
        };
        if let Some(old) = &known.cookie
            && let Some(login) = self
                .go_on_as(old, user, visit.as_ref(), login.until, by)
                .await?
        {
            return Ok(login);
        }
        let id = match &visit {
            Some(visit) => {
                let id = Self::new_visit_id();
                self.admit_as(visit, id)?;
                Some(id)
            }
            None => None,
        };
        let origin = lock(&self.registry).account(user).map(|a| a.origin);
        if let (Some(store), Some(Origin::Store)) = (&self.store, origin) {
            let mut audit = by.entry("login.made");
            audit.user = Some(user.to_owned());
            audit.details = json!({ "with": way });
            let added = store.add_login(&login, by.at, &audit);
            let added = self.change_logins(Changed::Logins(holder(user)), added);
            added.await.map_err(of_store)?;
        }
        Ok(self.remember(user, id, cookie, &login, by.at))
    }

    /// Goes on with a log-in of the same user, if this cookie is of one.
    async fn go_on_as(
        &self,
        cookie: &SecretDigest,
        user: &str,
        visit: Option<&Visit>,
        until: Timestamp,
        by: &By,
    ) -> Result<Option<NewLogin>> {
        let login = lock(&self.registry).logins.get(cookie, Instant::now());
        match (login.filter(|login| *login.user == *user), visit) {
            (Some(login), Some(visit)) => match login.visit {
                Some(id) => self.admit_as(visit, id)?,
                None => return Ok(None),
            },
            (Some(login), None) if login.visit.is_none() => (),
            _ => return Ok(None),
        }
        self.succeed(cookie, user, Some(until), by).await
    }

    pub(super) fn new_login(&self, holder: Holder, now: Timestamp) -> (String, Login) {
        let cookie = random_secret();
        let login = Login {
            cookie: SecretDigest::of(&cookie),
            holder,
            // By this it is known when another server has given it another cookie.
            created: as_kept(now),
            until: now + SignedDuration::try_from(self.login).unwrap_or_default(),
        };
        (cookie, login)
    }

    pub(super) fn remember(
        &self,
        user: &str,
        visit: Option<SecretDigest>,
        cookie: String,
        login: &Login,
        now: Timestamp,
    ) -> NewLogin {
        let mono = Instant::now();
        let lasts = left(login.until, now);
        let until = mono + lasts;
        // What had to go is over at the latest at its own end, in the store as well; a change of the password ends it there
        // before.
        lock(&self.registry).logins.add(
            login.cookie,
            user,
            visit,
            Some(login.created),
            (mono, until),
        );
        NewLogin {
            user: user.to_owned(),
            visit,
            cookie,
            lasts,
            device: None,
        }
    }
}

/// By what name the registry knows someone.
pub(super) fn account_of(holder: &Holder) -> String {
    match holder {
        Holder::User(name) => name.clone(),
        Holder::Share(id) => share_user(id),
    }
}

fn holder(user: &str) -> Holder {
    match user.strip_prefix("share:") {
        Some(id) => Holder::Share(id.to_owned()),
        None => Holder::User(user.to_owned()),
    }
}
