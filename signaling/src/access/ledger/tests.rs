// SPDX-License-Identifier: MPL-2.0
//! What is held of users, bookings and links, and what is forgotten.

use porthole_protocol::grant::Permission;

use super::*;
use crate::model::Window;

fn at(minute: i64) -> Timestamp {
    Timestamp::from_second(1_800_000_000 + 60 * minute).unwrap()
}

fn user(name: &str, role: Role) -> User {
    User {
        name: name.to_owned(),
        role,
        password: None,
        token: None,
        created: at(0),
    }
}

fn booking(id: &str, user: &str, minutes: (i64, i64)) -> (Booking, Timestamp) {
    let window = Window {
        start: at(minutes.0),
        end: at(minutes.1),
    };
    let booking = Booking {
        id: id.to_owned(),
        camera: "front".to_owned(),
        user: user.to_owned(),
        window,
        perms: [Permission::View].into(),
        saving: true,
        recurrence: None,
        note: String::new(),
        own: false,
        created: at(0),
    };
    (booking, window.end)
}

fn ledger() -> Ledger {
    let users = ["alice", "bob"].map(|name| user(name, Role::Viewer));
    let bookings = [
        booking("b1", "alice", (0, 10)),
        booking("b2", "alice", (20, 30)),
        booking("b3", "bob", (0, 10)),
        booking("b4", "nobody", (0, 10)),
    ];
    let mut ledger = Ledger::new(users.to_vec(), bookings.to_vec());
    ledger.put_user(user("root", Role::Administrator));
    ledger
}

fn sees(ledger: &Ledger, name: &str, minute: i64) -> bool {
    ledger.rights(name).unwrap().may_see("front", at(minute))
}

#[test]
fn a_booking_is_a_rule_of_its_user_and_goes_with_it() {
    let mut ledger = ledger();
    assert!(sees(&ledger, "alice", 5) && !sees(&ledger, "alice", 15));
    assert!(sees(&ledger, "bob", 5) && sees(&ledger, "root", 5));
    let moved = booking("b1", "alice", (12, 18));
    let changed = ledger.put_booking(&moved.0, moved.1);
    assert_eq!(changed.len(), 1);
    assert!(!sees(&ledger, "alice", 5) && sees(&ledger, "alice", 15));
    // Someone else's from now on.
    let handed = booking("b1", "bob", (12, 18));
    assert_eq!(ledger.put_booking(&handed.0, handed.1).len(), 2);
    assert!(!sees(&ledger, "alice", 15) && sees(&ledger, "bob", 15));
    assert!(ledger.remove_booking("b1").is_some() && !sees(&ledger, "bob", 15));
    assert!(ledger.remove_booking("b1").is_none());
    ledger.remove_user("alice");
    assert!(ledger.rights("alice").is_none() && ledger.booked_by("b2").is_none());
    assert_eq!(ledger.bookings.len(), 1);
}

#[test]
fn a_role_that_changes_leaves_the_bookings() {
    let mut ledger = ledger();
    assert!(!ledger.has_other_administrators());
    ledger.put_user(user("alice", Role::Administrator));
    assert!(ledger.has_other_administrators());
    assert!(sees(&ledger, "alice", 15));
    assert_eq!(ledger.rights("alice").unwrap().rules().len(), 3);
    ledger.put_user(user("alice", Role::Viewer));
    assert!(sees(&ledger, "alice", 5) && !sees(&ledger, "alice", 15));
    assert!(!ledger.has_other_administrators());
}

#[test]
fn what_is_over_leaves_the_memory() {
    let mut ledger = ledger();
    let share = Share {
        id: "s1".to_owned(),
        camera: "front".to_owned(),
        secret: SecretDigest::of("s1"),
        window: Window {
            start: at(0),
            end: at(10),
        },
        perms: [Permission::View].into(),
        saving: true,
        max_uses: 1,
        uses: 0,
        note: String::new(),
        created: at(0),
    };
    ledger.put_share(share);
    let (changed, over) = ledger.forget(at(9), at(0));
    assert!(changed.is_empty() && over.is_empty());
    let (changed, over) = ledger.forget(at(10), at(0));
    let names: Vec<_> = changed.iter().map(|rights| &*rights.user).collect();
    assert_eq!((names, over), (vec!["alice", "bob"], vec!["s1".to_owned()]));
    assert_eq!(ledger.bookings.len(), 1);
    assert_eq!(ledger.rights("bob").unwrap().rules().len(), 0);
    assert!(
        ledger.share("s1").is_some(),
        "it is said to be over for a while"
    );
    ledger.forget(at(10), at(10));
    assert!(ledger.share_by(&SecretDigest::of("s1")).is_none());
}

#[test]
fn a_camera_that_goes_takes_its_bookings_along() {
    let mut ledger = ledger();
    let without = ledger.rights("alice").unwrap().without_camera("front");
    ledger.without_camera(&Arc::new(without.unwrap()));
    assert!(ledger.booked_by("b1").is_none() && ledger.booked_by("b3").is_some());
    assert!(!sees(&ledger, "alice", 5));
}
