// SPDX-License-Identifier: MPL-2.0
//! Users and cameras.

use std::collections::BTreeMap;

use porthole_signaling::SecretDigest;
use porthole_signaling::model::{Camera, Role, User};
use porthole_signaling::store::{BookingFilter, Put, StoreError};

use crate::database::*;

on_both! {
    what_was_put_is_what_is_read
    a_change_replaces_all_of_a_user
    what_is_there_is_not_added_and_what_is_not_is_not_changed
    the_last_administrator_stays
    two_administrators_cannot_both_go_at_once
    a_camera_goes_with_its_bookings_links_and_log_ins
    a_user_goes_with_its_bookings_and_log_ins
    a_camera_keeps_when_it_was_last_seen
    hostile_names_are_text
}

async fn what_was_put_is_what_is_read(db: Database) {
    let db = db.furnished().await;
    let kept = db.snapshot(at(0)).await.unwrap();
    let names: Vec<_> = kept
        .users
        .iter()
        .map(|user| (&*user.name, user.role))
        .collect();
    assert_eq!(
        names,
        [("anna", Role::Viewer), ("root", Role::Administrator)]
    );
    let anna = &kept.users[0];
    assert_eq!(anna.password.as_deref(), Some("$argon2id$of-anna"));
    assert!(anna.token.unwrap().matches(&SecretDigest::of("anna")));
    assert_eq!(anna.created, at(0));
    let front = &kept.cameras[0];
    assert_eq!((&*front.id, &*front.name), ("front", "The front camera"));
    assert!(front.secret.matches(&SecretDigest::of("front")));
    assert_eq!((front.created, front.last_seen), (at(0), None));
    assert_eq!(
        db.actions().await,
        ["camera.added", "user.added", "user.added"]
    );
}

async fn a_change_replaces_all_of_a_user(db: Database) {
    let db = db.furnished().await;
    let anna = User {
        password: None,
        token: None,
        ..user("anna", Role::Administrator)
    };
    db.put_user(&anna, Put::Existing, &entry("user.changed"))
        .await
        .unwrap();
    let anna = db.snapshot(at(0)).await.unwrap().users.remove(0);
    assert_eq!((anna.role, anna.password), (Role::Administrator, None));
    assert!(anna.token.is_none());
}

async fn what_is_there_is_not_added_and_what_is_not_is_not_changed(db: Database) {
    let db = db.furnished().await;
    let before = db.actions().await;
    let note = entry("refused");
    let anna = user("anna", Role::Viewer);
    let failed = db.put_user(&anna, Put::New, &note).await;
    assert!(matches!(failed, Err(StoreError::Exists)), "{failed:?}");
    let failed = db
        .put_user(&user("otto", Role::Viewer), Put::Existing, &note)
        .await;
    assert!(matches!(failed, Err(StoreError::NotFound)), "{failed:?}");
    let failed = db.remove_user("otto", &note).await;
    assert!(matches!(failed, Err(StoreError::NotFound)), "{failed:?}");
    let failed = db.put_camera(&camera("front"), Put::New, &note).await;
    assert!(matches!(failed, Err(StoreError::Exists)), "{failed:?}");
    let failed = db.put_camera(&camera("yard"), Put::Existing, &note).await;
    assert!(matches!(failed, Err(StoreError::NotFound)), "{failed:?}");
    let failed = db.remove_camera("yard", &note).await;
    assert!(matches!(failed, Err(StoreError::NotFound)), "{failed:?}");
    assert_eq!(db.actions().await, before, "what failed left an entry");
}

async fn the_last_administrator_stays(db: Database) {
    let db = db.furnished().await;
    let note = entry("refused");
    let failed = db.remove_user("root", &note).await;
    assert!(
        matches!(failed, Err(StoreError::LastAdministrator)),
        "{failed:?}"
    );
    let failed = db
        .put_user(&user("root", Role::Viewer), Put::Existing, &note)
        .await;
    assert!(
        matches!(failed, Err(StoreError::LastAdministrator)),
        "{failed:?}"
    );
    assert!(!db.actions().await.contains(&"refused".to_owned()));
    db.add_user("second", Role::Administrator).await;
    db.remove_user("root", &entry("user.removed"))
        .await
        .unwrap();
}

async fn two_administrators_cannot_both_go_at_once(db: Database) {
    let names: Vec<_> = (0..6).map(|number| format!("admin{number}")).collect();
    for name in &names {
        db.add_user(name, Role::Administrator).await;
    }
    let leaving = names.into_iter().map(|name| {
        let store = db.store();
        tokio::spawn(async move { store.remove_user(&name, &entry("user.removed")).await })
    });
    let mut refused = 0;
    for left in leaving.collect::<Vec<_>>() {
        match left.await.unwrap() {
            Ok(()) => (),
            Err(StoreError::LastAdministrator) => refused += 1,
            Err(other) => panic!("{other}"),
        }
    }
    assert_eq!(refused, 1);
    assert_eq!(db.snapshot(at(0)).await.unwrap().users.len(), 1);
}

async fn a_camera_goes_with_its_bookings_links_and_log_ins(db: Database) {
    let db = db.furnished().await;
    db.add_camera("yard").await;
    db.book(&booking("b1", 0..60)).await.unwrap();
    db.put_share(&share("s1", 0..60), Put::New, &entry("share.added"))
        .await
        .unwrap();
    let opened = login("cookie", of_share("s1"), 60);
    db.use_share(
        &SecretDigest::of("s1"),
        &opened,
        at(1),
        &entry("share.opened"),
    )
    .await
    .unwrap();
    let own = login("other", of_user("anna"), 60);
    db.add_login(&own, at(1), &entry("login.made"))
        .await
        .unwrap();

    db.remove_camera("front", &entry("camera.removed"))
        .await
        .unwrap();
    let kept = db.snapshot(at(0)).await.unwrap();
    assert!(kept.bookings.is_empty() && kept.shares.is_empty());
    assert_eq!(kept.logins.len(), 1);
    assert_eq!(kept.logins[0].holder, of_user("anna"));
    assert_eq!(kept.cameras.len(), 1);
    // Its windows are gone as well: nobody has the camera of the same id.
    db.add_camera("front").await;
    db.book(&with_control(booking("b1", 0..60))).await.unwrap();
}

async fn a_user_goes_with_its_bookings_and_log_ins(db: Database) {
    let db = db.furnished().await;
    db.book(&booking("b1", 0..60)).await.unwrap();
    let own = login("cookie", of_user("anna"), 60);
    db.add_login(&own, at(1), &entry("login.made"))
        .await
        .unwrap();
    db.remove_user("anna", &entry("user.removed"))
        .await
        .unwrap();
    let kept = db.snapshot(at(0)).await.unwrap();
    assert!(kept.bookings.is_empty() && kept.logins.is_empty());
    assert!(
        db.bookings(&BookingFilter::default())
            .await
            .unwrap()
            .is_empty()
    );
    assert_eq!(db.actions().await.last().unwrap(), "user.removed");
}

async fn a_camera_keeps_when_it_was_last_seen(db: Database) {
    let db = db.furnished().await;
    db.add_camera("yard").await;
    let seen = [("front".to_owned(), at(5)), ("gone".to_owned(), at(6))];
    db.cameras_seen(&seen).await.unwrap();
    db.cameras_seen(&[("front".to_owned(), at(3))])
        .await
        .unwrap();
    let renamed = Camera {
        name: "Front door".to_owned(),
        ..camera("front")
    };
    db.put_camera(&renamed, Put::Existing, &entry("camera.changed"))
        .await
        .unwrap();
    let kept = db.snapshot(at(0)).await.unwrap().cameras;
    let seen: BTreeMap<_, _> = kept
        .iter()
        .map(|camera| (&*camera.id, camera.last_seen))
        .collect();
    assert_eq!(seen, [("front", Some(at(5))), ("yard", None)].into());
    assert_eq!(kept[0].name, "Front door");
}

async fn hostile_names_are_text(db: Database) {
    for name in [
        "'; DROP TABLE users; --",
        "$1",
        "<img onerror=x>",
        "\u{202e}anna",
        "ünï 🎥",
    ] {
        db.add_user(name, Role::Viewer).await;
    }
    assert_eq!(db.snapshot(at(0)).await.unwrap().users.len(), 5);
    db.remove_user("'; DROP TABLE users; --", &entry("user.removed"))
        .await
        .unwrap();
    assert_eq!(db.snapshot(at(0)).await.unwrap().users.len(), 4);
}
