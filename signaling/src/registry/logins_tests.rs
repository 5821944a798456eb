// SPDX-License-Identifier: MPL-2.0

use super::*;

const LIFETIME: Duration = Duration::from_secs(100_000);

fn cookie(name: &str) -> SecretDigest {
    SecretDigest::of(name)
}

fn logins_of_alice() -> (Logins, Instant) {
    let (mut logins, start) = (Logins::default(), Instant::now());
    logins.add(
        cookie("first"),
        "alice",
        None,
        None,
        (start, start + LIFETIME),
    );
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
    let mut succeed = |old, user| logins.succeed(&cookie(old), cookie("new"), user, start, later);
    assert_eq!(succeed("first", "bob"), None);
    assert_eq!(succeed("unknown", "alice"), None);
    assert_eq!(*end.borrow(), start + LIFETIME);
    assert_eq!(succeed("first", "alice"), Some(cookie("first")));
    assert_eq!(*end.borrow(), start + LIFETIME * 2);
}

#[test]
fn all_others_of_a_user_can_be_ended() {
    let (mut logins, start) = logins_of_alice();
    logins.add(
        cookie("second"),
        "alice",
        None,
        None,
        (start, start + LIFETIME),
    );
    logins.add(cookie("bob"), "bob", None, None, (start, start + LIFETIME));
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
        gone.extend(logins.add(
            cookie(&n.to_string()),
            "alice",
            None,
            None,
            (now, now + LIFETIME),
        ));
        connected = connected.or_else(|| logins.get(&cookie("0"), now));
    }
    assert_eq!(gone, [cookie("1")]);
    assert!(logins.get(&cookie("0"), start).is_some());
    assert_eq!(logins.logins.len(), MAX_LOGINS_PER_USER);
}

#[test]
fn one_that_is_over_is_forgotten_unless_a_session_goes_on_by_it() {
    let (mut logins, start) = logins_of_alice();
    logins.add(cookie("held"), "bob", None, None, (start, start + LIFETIME));
    let held = logins.get(&cookie("held"), start).unwrap();
    let over = start + LIFETIME;
    let carol = |logins: &mut Logins, name, now| {
        logins.add(cookie(name), "carol", None, None, (now, now + LIFETIME))
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
    logins.add(cookie("bob"), "bob", None, None, (over, later));
    assert!(logins.get(&second, over).is_some());
    logins.add(
        cookie("carol"),
        "carol",
        None,
        None,
        (later, later + LIFETIME),
    );
    assert!(logins.user(&second).is_none());
}

#[test]
fn what_the_database_has_is_taken_over() {
    let (mut logins, start) = (Logins::default(), Instant::now());
    let made = |n| Timestamp::from_second(n).unwrap();
    let until = start + LIFETIME;
    let kept = |name, n| Kept {
        cookie: cookie(name),
        made: made(n),
        until,
    };
    for (name, n) in [("same", 1), ("old", 2), ("gone", 3)] {
        let ends = (start, until);
        logins.add(cookie(name), "alice", None, Some(made(n)), ends);
    }
    logins.add(cookie("bob"), "bob", None, Some(made(2)), (start, until));
    let held = logins.get(&cookie("old"), start).unwrap();
    let ended = logins.get(&cookie("gone"), start).unwrap();
    let all = vec![kept("same", 1), kept("new", 2), kept("other", 4)];
    logins.agree("alice", all, start);
    for name in ["same", "old", "new", "other", "bob"] {
        assert!(logins.get(&cookie(name), start).is_some(), "{name}");
    }
    assert!(logins.get(&cookie("gone"), start).is_none());
    assert!(ended.end.has_changed().is_err(), "what ran by it ends");
    assert!(
        held.end.has_changed().is_ok(),
        "another cookie cuts nobody off"
    );
    // One that is over by itself is not the database's to end, unless the user is to log in again.
    logins.agree("alice", Vec::new(), until);
    assert!(logins.user(&cookie("new")).is_some());
    logins.remove_over("alice", until);
    assert!(logins.user(&cookie("new")).is_none() && logins.user(&cookie("bob")).is_some());
}
