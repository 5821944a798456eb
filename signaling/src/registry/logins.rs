// SPDX-License-Identifier: MPL-2.0
//! Pages that are logged in, each known by its cookie. Pure: the time is an argument.
//!
//! A cookie gets a successor now and then. The old one counts until the new one was used, and a moment longer for
//! what was on its way: an answer that is lost logs nobody out.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;
use std::time::{Duration, Instant};

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
        now: Instant,
        until: Instant,
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
mod tests {
    use super::*;

    const LIFETIME: Duration = Duration::from_secs(100_000);

    fn cookie(name: &str) -> SecretDigest {
        SecretDigest::of(name)
    }

    fn logins_of_alice() -> (Logins, Instant) {
        let (mut logins, start) = (Logins::default(), Instant::now());
        logins.add(cookie("first"), "alice", None, start, start + LIFETIME);
        (logins, start)
    }

    #[test]
    fn a_login_ends_after_its_lifetime() {
        let (mut logins, start) = logins_of_alice();
        assert!(logins.get(&cookie("first"), start + LIFETIME / 2).is_some());
        assert!(logins.get(&cookie("first"), start + LIFETIME).is_none());
        assert!(logins.get(&cookie("other"), start).is_none());
    }

    #[test]
    fn a_login_that_ends_is_seen_by_its_connections() {
        let (mut logins, start) = logins_of_alice();
        let login = logins.get(&cookie("first"), start).unwrap();
        assert!(login.end.has_changed().is_ok());
        assert_eq!(&*logins.remove(&cookie("first")).unwrap().0, "alice");
        assert!(login.end.has_changed().is_err());
        assert!(logins.by_cookie.is_empty());
    }

    #[test]
    fn an_old_cookie_is_due_for_a_successor_and_outlives_it_by_a_moment() {
        let (mut logins, start) = logins_of_alice();
        let (old, new) = (cookie("first"), cookie("second"));
        assert!(!logins.get(&old, start).unwrap().is_stale);
        let hour = start + COOKIE_AGE;
        assert!(logins.get(&old, hour).unwrap().is_stale);
        assert_eq!(logins.succeed(&old, new, "alice", hour, None), Some(old));
        let used = hour + OVERLAP * 5;
        assert!(!logins.get(&new, used).unwrap().is_stale);
        assert!(!logins.get(&old, used).unwrap().is_stale);
        assert!(logins.get(&old, used + OVERLAP).is_none());
        assert!(logins.get(&new, used + OVERLAP).is_some());
    }

    #[test]
    fn a_successor_that_did_not_arrive_is_replaced_by_another() {
        let (mut logins, start) = logins_of_alice();
        let (old, lost, new) = (cookie("first"), cookie("lost"), cookie("new"));
        logins.succeed(&old, lost, "alice", start, None);
        // Requests that were sent together have one successor.
        assert!(!logins.get(&old, start).unwrap().is_stale);
        let start = start + OVERLAP;
        assert!(logins.get(&old, start).unwrap().is_stale);
        assert_eq!(logins.succeed(&old, new, "alice", start, None), Some(lost));
        assert!(logins.get(&lost, start).is_none());
        assert!(logins.get(&new, start).is_some() && logins.get(&old, start).is_some());
        logins.remove(&old);
        assert!(logins.by_cookie.is_empty() && logins.logins.is_empty());
        assert!(logins.by_user.is_empty() && logins.looks.is_empty());
    }

    #[test]
    fn only_the_same_user_goes_on_with_a_login() {
        let (mut logins, start) = logins_of_alice();
        let end = logins.get(&cookie("first"), start).unwrap().end;
        let later = Some(start + LIFETIME * 2);
        let mut succeed =
            |old, user| logins.succeed(&cookie(old), cookie("new"), user, start, later);
        assert_eq!(succeed("first", "bob"), None);
        assert_eq!(succeed("unknown", "alice"), None);
        assert_eq!(*end.borrow(), start + LIFETIME);
        assert_eq!(succeed("first", "alice"), Some(cookie("first")));
        assert_eq!(*end.borrow(), start + LIFETIME * 2);
    }

    #[test]
    fn all_others_of_a_user_can_be_ended() {
        let (mut logins, start) = logins_of_alice();
        logins.add(cookie("second"), "alice", None, start, start + LIFETIME);
        logins.add(cookie("bob"), "bob", None, start, start + LIFETIME);
        let gone = logins.remove_all("alice", Some(&cookie("first")));
        assert_eq!(gone, [cookie("second")]);
        assert!(logins.get(&cookie("first"), start).is_some());
        assert!(logins.get(&cookie("bob"), start).is_some());
    }

    #[test]
    fn too_many_logins_of_one_user_end_the_oldest_that_is_not_connected() {
        let (mut logins, start) = (Logins::default(), Instant::now());
        let mut connected = None;
        let mut gone = Vec::new();
        for n in 0..=MAX_LOGINS_PER_USER {
            let now = start + Duration::from_millis(n as u64);
            gone.extend(logins.add(cookie(&n.to_string()), "alice", None, now, now + LIFETIME));
            connected = connected.or_else(|| logins.get(&cookie("0"), now));
        }
        assert_eq!(gone, [cookie("1")]);
        assert!(logins.get(&cookie("0"), start).is_some());
        assert_eq!(logins.logins.len(), MAX_LOGINS_PER_USER);
    }

    #[test]
    fn one_that_is_over_is_forgotten_unless_a_session_goes_on_by_it() {
        let (mut logins, start) = logins_of_alice();
        logins.add(cookie("held"), "bob", None, start, start + LIFETIME);
        let held = logins.get(&cookie("held"), start).unwrap();
        let over = start + LIFETIME;
        let carol = |logins: &mut Logins, name, now| {
            logins.add(cookie(name), "carol", None, now, now + LIFETIME)
        };
        carol(&mut logins, "c1", over);
        assert!(logins.user(&cookie("first")).is_none());
        assert!(logins.user(&cookie("held")).is_some());
        drop(held);
        carol(&mut logins, "c2", over + LOOK_AGAIN / 2);
        assert!(logins.user(&cookie("held")).is_some());
        carol(&mut logins, "c3", over + LOOK_AGAIN);
        assert!(logins.user(&cookie("held")).is_none());
        assert_eq!((logins.logins.len(), logins.looks.len()), (3, 3));
    }

    #[test]
    fn one_that_is_put_off_is_not_forgotten_before() {
        let (mut logins, start) = logins_of_alice();
        let (over, later) = (start + LIFETIME, start + LIFETIME * 2);
        let (first, second) = (cookie("first"), cookie("second"));
        logins.succeed(&first, second, "alice", start, Some(later));
        logins.add(cookie("bob"), "bob", None, over, later);
        assert!(logins.get(&second, over).is_some());
        logins.add(cookie("carol"), "carol", None, later, later + LIFETIME);
        assert!(logins.user(&second).is_none());
    }
}
