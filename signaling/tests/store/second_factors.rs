// SPDX-License-Identifier: MPL-2.0
//! Second factors.

use porthole_signaling::SecretDigest;
use porthole_signaling::model::SecondFactor;
use porthole_signaling::store::StoreError;

use crate::database::*;

on_both! {
    what_was_added_is_there_once_and_ends_the_log_ins_of_before
    a_code_is_taken_once_and_none_before_it
    of_two_who_show_one_code_one_is_too_late
    a_recovery_code_is_taken_once
    it_goes_when_it_is_taken_away_and_with_its_user
    log_ins_of_administrators_who_have_none_end
}

fn factor(user: &str) -> SecondFactor {
    SecondFactor {
        user: user.to_owned(),
        secret: format!("sealed for {user}"),
        last_step: 60_000_000,
        recovery: vec![SecretDigest::of("one"), SecretDigest::of("two")],
        created: at(1),
    }
}

async fn add(db: &Database, user: &str) {
    let entry = entry("second-factor.made");
    db.add_second_factor(&factor(user), &entry).await.unwrap();
}

async fn log_in(db: &Database) {
    let login = login("cookie", of_user("anna"), 60);
    db.add_login(&login, at(0), &entry("login.made"))
        .await
        .unwrap();
}

async fn what_was_added_is_there_once_and_ends_the_log_ins_of_before(db: Database) {
    let db = db.furnished().await;
    assert!(db.second_factor("anna").await.unwrap().is_none());
    log_in(&db).await;
    add(&db, "anna").await;
    let kept = db.second_factor("anna").await.unwrap().unwrap();
    assert_eq!(
        (&*kept.secret, kept.last_step),
        ("sealed for anna", 60_000_000)
    );
    assert_eq!((kept.recovery.len(), kept.created), (2, at(1)));
    assert!(db.snapshot(at(0)).await.unwrap().logins.is_empty());
    let entry = entry("second-factor.made");
    let again = db.add_second_factor(&factor("anna"), &entry).await;
    assert!(matches!(again, Err(StoreError::Exists)), "{again:?}");
    let nobody = db.add_second_factor(&factor("nobody"), &entry).await;
    assert!(
        matches!(nobody, Err(StoreError::NoSuch("user"))),
        "{nobody:?}"
    );
}

async fn a_code_is_taken_once_and_none_before_it(db: Database) {
    let db = db.furnished().await;
    add(&db, "anna").await;
    let step = 60_000_000;
    for (step, is_taken) in [
        (step, false),
        (step + 2, true),
        (step + 2, false),
        (step + 1, false),
        (step + 3, true),
    ] {
        assert_eq!(db.use_code("anna", step).await.is_ok(), is_taken, "{step}");
    }
    let nobody = db.use_code("root", step + 9).await;
    assert!(matches!(nobody, Err(StoreError::NotFound)));
}

async fn of_two_who_show_one_code_one_is_too_late(db: Database) {
    let db = db.furnished().await;
    add(&db, "anna").await;
    let tries = (0..8).map(|_| {
        let store = db.store();
        tokio::spawn(async move { store.use_code("anna", 60_000_001).await.is_ok() })
    });
    let mut taken = 0;
    for each in tries.collect::<Vec<_>>() {
        taken += u32::from(each.await.unwrap());
    }
    assert_eq!(taken, 1);
}

async fn a_recovery_code_is_taken_once(db: Database) {
    let db = db.furnished().await;
    add(&db, "anna").await;
    add(&db, "root").await;
    let entry = entry("second-factor.recovered");
    let one = SecretDigest::of("one");
    db.use_recovery_code("anna", &one, &entry).await.unwrap();
    let again = db.use_recovery_code("anna", &one, &entry).await;
    assert!(matches!(again, Err(StoreError::NotFound)));
    let kept = db.second_factor("anna").await.unwrap().unwrap();
    assert_eq!(kept.recovery, [SecretDigest::of("two")]);
    // That of another is another.
    db.use_recovery_code("root", &one, &entry).await.unwrap();
}

async fn it_goes_when_it_is_taken_away_and_with_its_user(db: Database) {
    let db = db.furnished().await;
    add(&db, "anna").await;
    log_in(&db).await;
    let entry = entry("second-factor.reset");
    db.remove_second_factor("anna", &entry).await.unwrap();
    assert!(db.second_factor("anna").await.unwrap().is_none());
    assert!(db.snapshot(at(0)).await.unwrap().logins.is_empty());
    let again = db.remove_second_factor("anna", &entry).await;
    assert!(matches!(again, Err(StoreError::NotFound)));
    // Nothing of the one before is left in the one after.
    add(&db, "anna").await;
    db.remove_user("anna", &entry).await.unwrap();
    assert!(db.second_factor("anna").await.unwrap().is_none());
}

async fn log_ins_of_administrators_who_have_none_end(db: Database) {
    let db = db.furnished().await;
    db.add_user("boss", porthole_signaling::model::Role::Administrator)
        .await;
    add(&db, "boss").await;
    log_in(&db).await;
    for (cookie, user) in [("r1", "root"), ("r2", "root"), ("b", "boss")] {
        let login = login(cookie, of_user(user), 60);
        let made = db.add_login(&login, at(0), &entry("login.made")).await;
        made.unwrap();
    }
    db.end_logins_without_second_factor().await.unwrap();
    let left = db.snapshot(at(0)).await.unwrap().logins;
    let mut left: Vec<_> = left.into_iter().map(|login| login.holder).collect();
    left.sort_by_key(|holder| format!("{holder:?}"));
    assert_eq!(left, [of_user("anna"), of_user("boss")]);
}
