// SPDX-License-Identifier: MPL-2.0
//! Pages that are logged in, each known by its cookie. Pure: the time is an argument.
//!
//! A cookie gets a successor now and then. The old one counts until the new one was used, and a moment longer for
//! what was on its way: an answer that is lost logs nobody out.

use std::cmp::Reverse;
use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;
use std::time::{Duration, Instant};

use jiff::Timestamp;
use tokio::sync::watch;

use super::SecretDigest;

/// Log-ins of one user, beyond which the oldest without a connection ends. A link that was passed on is opened by
/// many browsers, each a log-in; more than [`crate::room::MAX_CONNECTIONS_PER_USER`], so a page that is open stays.
/// Bounds the table, since every entry belongs to a user.
const MAX_LOGINS_PER_USER: usize = 256;
/// How old a cookie gets before it has a successor: whoever copied one does not have it for long.
const COOKIE_AGE: Duration = Duration::from_secs(60 * 60);
/// How often one that is over, and by which a session goes on, is looked at again.
const LOOK_AGAIN: Duration = Duration::from_secs(60);
/// How long the old cookie counts once its successor was used: requests that were sent together.
const OVERLAP: Duration = Duration::from_secs(60);

/// A log-in as a connection sees it: when it ends. The end may be put off, and comes early when the sender is dropped.
pub(crate) type LoginEnd = watch::Receiver<Instant>;

struct Login {
    user: Arc<str>,
    /// Of someone whom a backend knows: by which visit.
    visit: Option<SecretDigest>,
    /// When it was made, as the database says: by that it is known when another server gave it another cookie.
    made: Option<Timestamp>,
    until: watch::Sender<Instant>,
    cookie: SecretDigest,
    /// Since when it has this cookie.
    since: Instant,
    previous: Option<Previous>,
    /// When to look whether it can be forgotten.
    look: Instant,
}

struct Previous {
    cookie: SecretDigest,
    /// When it no longer counts; `None` until its successor was used.
    until: Option<Instant>,
}

/// A log-in that the database has.
pub(crate) struct Kept {
    pub(crate) cookie: SecretDigest,
    pub(crate) made: Timestamp,
    pub(crate) until: Instant,
}

/// What a cookie stands for.
pub(crate) struct LoggedIn {
    pub(crate) user: Arc<str>,
    /// Of someone whom a backend knows: by which visit.
    pub(crate) visit: Option<SecretDigest>,
    pub(crate) end: LoginEnd,
    /// Whether the cookie is due for a successor.
    pub(crate) is_stale: bool,
}

#[derive(Default)]
pub(crate) struct Logins {
    next: u64,
    logins: HashMap<u64, Login>,
    by_cookie: HashMap<SecretDigest, u64>,
    by_user: HashMap<Arc<str>, Vec<u64>>,
    /// Which to look at when.
    looks: BTreeSet<(Instant, u64)>,
}

impl Logins {
    /// Remembers until `until` that the bearer of the cookie is `user`. Returns the cookies of log-ins that had to go.
    pub(crate) fn add(
        &mut self,
        cookie: SecretDigest,
        user: &str,
        visit: Option<SecretDigest>,
        made: Option<Timestamp>,
        (now, until): (Instant, Instant),
    ) -> Vec<SecretDigest> {
        self.forget(now);
        let surplus = self.surplus(user);
        for cookie in &surplus {
            self.remove(cookie);
        }
        let id = self.next;
        self.next += 1;
        let known = self.by_user.get_key_value(user);
        let user = known.map_or_else(|| user.into(), |(user, _)| user.clone());
        self.by_user.entry(user.clone()).or_default().push(id);
        self.looks.insert((until, id));
        let login = Login {
            user,
            visit,
            made,
            until: watch::Sender::new(until),
            cookie,
            since: now,
            previous: None,
            look: until,
        };
        self.logins.insert(id, login);
        self.by_cookie.insert(cookie, id);
        surplus
    }

    /// Forgets those that are over. One stays while a session goes on by it, so that it can be ended.
    fn forget(&mut self, now: Instant) {
        while let Some((look, id)) = self.looks.first().copied()
            && look <= now
        {
            self.looks.remove(&(look, id));
            let Some(login) = self.logins.get_mut(&id) else {
                continue;
            };
            let until = *login.until.borrow();
            let over = until <= now;
            if over && login.until.receiver_count() == 0 {
                let cookie = login.cookie;
                self.remove(&cookie);
                continue;
            }
            login.look = if over { now + LOOK_AGAIN } else { until };
            self.looks.insert((login.look, id));
        }
    }

    /// Who has any.
    pub(crate) fn users(&self) -> impl Iterator<Item = &Arc<str>> {
        self.by_user.keys()
    }

    /// Takes over what the database has of a user: other log-ins end, those that are not known here begin, and one that has
    /// another cookie goes on with that. One that is over by itself is left to whatever goes on by it.
    pub(crate) fn agree(&mut self, user: &str, kept: Vec<Kept>, now: Instant) {
        let mut rest = kept;
        let mut others = Vec::new();
        for (_, login) in self.of(user) {
            let is_own = login.visit.is_none() && *login.until.borrow() > now;
            match rest.iter().position(|kept| kept.cookie == login.cookie) {
                Some(known) => {
                    rest.swap_remove(known);
                }
                None if is_own => others.push((login.cookie, login.made)),
                None => (),
            }
        }
        for (cookie, made) in others {
            let successor = rest.iter().position(|kept| Some(kept.made) == made);
            match successor.map(|successor| rest.swap_remove(successor)) {
                Some(kept) => {
                    self.succeed(&cookie, kept.cookie, user, now, Some(kept.until));
                }
                None => {
                    self.remove(&cookie);
                }
            }
        }
        // What had to go for others does not come back in their place.
        let room = MAX_LOGINS_PER_USER.saturating_sub(self.of(user).count());
        rest.sort_by_key(|kept| Reverse(kept.until));
        rest.truncate(room);
        for kept in rest {
            let ends = (now, kept.until);
            self.add(kept.cookie, user, None, Some(kept.made), ends);
        }
    }

    /// Ends those that are over by themselves, and what goes on by them.
    pub(crate) fn remove_over(&mut self, user: &str, now: Instant) {
        let own = self.of(user);
        let over = own.filter(|(_, login)| *login.until.borrow() <= now);
        let over: Vec<_> = over.map(|(_, login)| login.cookie).collect();
        for cookie in over {
            self.remove(&cookie);
        }
    }

    fn of(&self, user: &str) -> impl Iterator<Item = (&u64, &Login)> {
        let own = self.by_user.get(user).into_iter().flatten();
        own.filter_map(|id| Some((id, self.logins.get(id)?)))
    }

    fn surplus(&self, user: &str) -> Vec<SecretDigest> {
        let mut own: Vec<_> = self
            .of(user)
            .map(|(_, login)| {
                let connected = login.until.receiver_count() > 0;
                (connected, *login.until.borrow(), login.cookie)
            })
            .collect();
        let surplus = (own.len() + 1).saturating_sub(MAX_LOGINS_PER_USER);
        own.sort_by_key(|(connected, until, _)| (*connected, *until));
        let oldest = own.into_iter().take(surplus);
        oldest.map(|(_, _, cookie)| cookie).collect()
    }

    /// Whose cookie this is, whether or not the log-in is over by now.
    pub(crate) fn user(&self, cookie: &SecretDigest) -> Option<(&str, Option<&SecretDigest>)> {
        let login = self.logins.get(self.by_cookie.get(cookie)?)?;
        Some((&login.user, login.visit.as_ref()))
    }

    /// What the cookie stands for at `now`.
    pub(crate) fn get(&mut self, cookie: &SecretDigest, now: Instant) -> Option<LoggedIn> {
        let login = self.logins.get_mut(self.by_cookie.get(cookie)?)?;
        if *login.until.borrow() <= now {
            return None;
        }
        let is_current = login.cookie == *cookie;
        if let Some(previous) = &mut login.previous {
            match previous.until {
                None if is_current => previous.until = Some(now + OVERLAP),
                Some(until) if !is_current && until <= now => return None,
                _ => (),
            }
        }
        let superseded = || login.previous.as_ref().is_some_and(|p| p.until.is_some());
        let age = now.saturating_duration_since(login.since);
        // Whoever still shows the old one while the new one was never used did not get it.
        let is_stale = match is_current {
            true => age >= COOKIE_AGE,
            false => !superseded() && age >= OVERLAP,
        };
        Some(LoggedIn {
            user: login.user.clone(),
            visit: login.visit,
            end: login.until.subscribe(),
            is_stale,
        })
    }

    /// Gives a log-in of `user` another cookie, and another end if there is one. Returns the cookie that it had last,
    /// or `None` if the cookie was not of such a log-in.
    pub(crate) fn succeed(
        &mut self,
        old: &SecretDigest,
        new: SecretDigest,
        user: &str,
        now: Instant,
        until: Option<Instant>,
    ) -> Option<SecretDigest> {
        let id = *self.by_cookie.get(old)?;
        let login = self.logins.get_mut(&id)?;
        if *login.user != *user || *login.until.borrow() <= now {
            return None;
        }
        let last = std::mem::replace(&mut login.cookie, new);
        login.since = now;
        let previous = Previous {
            cookie: *old,
            until: None,
        };
        let before = login.previous.replace(previous);
        for void in before.map(|p| p.cookie).into_iter().chain([last]) {
            if void != *old {
                self.by_cookie.remove(&void);
            }
        }
        if let Some(until) = until {
            login.until.send_replace(until);
        }
        self.by_cookie.insert(new, id);
        Some(last)
    }

    /// When the log-in of this cookie was made, if it is this user's with an account here, and is not over.
    pub(crate) fn made(
        &mut self,
        cookie: &SecretDigest,
        user: &str,
        now: Instant,
    ) -> Option<Timestamp> {
        let login = self.get(cookie, now)?;
        if *login.user != *user || login.visit.is_some() {
            return None;
        }
        self.logins.get(self.by_cookie.get(cookie)?)?.made
    }

    /// The cookie that the log-in of this one was given last.
    pub(crate) fn current(&self, cookie: &SecretDigest) -> Option<SecretDigest> {
        Some(self.logins.get(self.by_cookie.get(cookie)?)?.cookie)
    }

    /// Ends a log-in and, with it, the connections made by it. Returns its user and its cookie.
    pub(crate) fn remove(&mut self, cookie: &SecretDigest) -> Option<(Arc<str>, SecretDigest)> {
        let id = *self.by_cookie.get(cookie)?;
        let login = self.logins.remove(&id)?;
        self.by_cookie.remove(&login.cookie);
        if let Some(previous) = &login.previous {
            self.by_cookie.remove(&previous.cookie);
        }
        self.looks.remove(&(login.look, id));
        if let Some(own) = self.by_user.get_mut(&login.user) {
            own.retain(|own| *own != id);
            if own.is_empty() {
                self.by_user.remove(&login.user);
            }
        }
        Some((login.user, login.cookie))
    }

    /// Ends the log-ins of `user`, save that of one cookie, and returns their cookies.
    pub(crate) fn remove_all(
        &mut self,
        user: &str,
        save: Option<&SecretDigest>,
    ) -> Vec<SecretDigest> {
        let save = save.and_then(|cookie| self.by_cookie.get(cookie)).copied();
        let own = self.of(user).filter(|(id, _)| Some(**id) != save);
        let cookies: Vec<_> = own.map(|(_, login)| login.cookie).collect();
        for cookie in &cookies {
            self.remove(cookie);
        }
        cookies
    }
}

#[cfg(test)]
#[path = "logins_tests.rs"]
mod tests;
