// SPDX-License-Identifier: MPL-2.0
//! Log-ins.

use porthole_signaling::SecretDigest;
use porthole_signaling::store::{Put, StoreError};

use crate::database::*;

on_both! {
    a_log_in_lasts_until_its_end
    a_new_cookie_takes_the_old_ones_place
    log_ins_end
    a_log_in_needs_its_holder
    a_user_with_another_password_has_one_log_in_at_most
    a_link_with_another_secret_has_none
}

async fn add(db: &Database, cookie: &str, until: i64, now: i64) {
    let login = login(cookie, of_user("anna"), until);
    db.add_login(&login, at(now), &entry("login.made"))
        .await
        .unwrap();
}

async fn ends(db: &Database, minute: i64) -> Vec<i64> {
    let logins = db.snapshot(at(minute)).await.unwrap().logins;
    let minutes = |login: &porthole_signaling::model::Login| {
        (login.until.as_second() - at(0).as_second()) / 60
    };
    let mut ends: Vec<_> = logins.iter().map(minutes).collect();
    ends.sort_unstable();
    ends
}

async fn a_log_in_lasts_until_its_end(db: Database) {
    let db = db.furnished().await;
    add(&db, "c1", 10, 0).await;
    add(&db, "c2", 20, 0).await;
    assert_eq!(ends(&db, 9).await, [10, 20]);
    assert_eq!(ends(&db, 10).await, [20]);
    add(&db, "c3", 30, 15).await;
    assert_eq!(
        ends(&db, 0).await,
        [20, 30],
        "the one that was over is still there"
    );
}

async fn a_new_cookie_takes_the_old_ones_place(db: Database) {
    let db = db.furnished().await;
    add(&db, "c1", 10, 0).await;
    let new = login("c2", of_user("anna"), 10);
    db.rotate_login(&SecretDigest::of("c1"), &new)
        .await
        .unwrap();
    let again = db.rotate_login(&SecretDigest::of("c1"), &new).await;
    assert!(matches!(again, Err(StoreError::NotFound)), "{again:?}");
    let logins = db.snapshot(at(0)).await.unwrap().logins;
    assert_eq!(logins.len(), 1);
    assert!(logins[0].cookie.matches(&new.cookie));
    assert_eq!(logins[0].holder, of_user("anna"));
}

async fn log_ins_end(db: Database) {
    let db = db.furnished().await;
    for cookie in ["c1", "c2", "c3"] {
        add(&db, cookie, 10, 0).await;
    }
    let cookies = ["c1", "c3", "gone"].map(SecretDigest::of);
    db.remove_logins(&of_user("anna"), &cookies, &entry("login.ended"))
        .await
        .unwrap();
    let logins = db.snapshot(at(0)).await.unwrap().logins;
    assert_eq!(logins.len(), 1);
    assert!(logins[0].cookie.matches(&SecretDigest::of("c2")));
    assert_eq!(db.actions().await.last().unwrap(), "login.ended");
}

async fn a_log_in_needs_its_holder(db: Database) {
    for (holder, missing) in [(of_user("otto"), "user"), (of_share("s9"), "share link")] {
        let failed = db
            .add_login(&login("c1", holder, 10), at(0), &entry("refused"))
            .await;
        assert!(
            matches!(failed, Err(StoreError::NoSuch(what)) if what == missing),
            "{failed:?}"
        );
    }
    assert!(db.actions().await.is_empty());
}

async fn a_user_with_another_password_has_one_log_in_at_most(db: Database) {
    let db = db.furnished().await;
    for cookie in ["c1", "c2", "c3"] {
        add(&db, cookie, 10, 0).await;
    }
    let mut anna = db.snapshot(at(0)).await.unwrap().users;
    anna.retain(|user| user.name == "anna");
    let save = SecretDigest::of("c2");
    let entry = entry("user.changed");
    db.put_user_anew(&anna[0], Some(&save), &entry)
        .await
        .unwrap();
    let logins = db.snapshot(at(0)).await.unwrap().logins;
    assert_eq!(logins.len(), 1);
    assert!(logins[0].cookie.matches(&save));
    db.put_user_anew(&anna[0], None, &entry).await.unwrap();
    assert!(ends(&db, 0).await.is_empty());
    anna[0].name = "otto".to_owned();
    let missing = db.put_user_anew(&anna[0], None, &entry).await;
    assert!(matches!(missing, Err(StoreError::NotFound)), "{missing:?}");
}

async fn a_link_with_another_secret_has_none(db: Database) {
    let db = db.furnished().await;
    let mut share = share("s1", 0..100);
    db.put_share(&share, Put::New, &entry("share.added"))
        .await
        .unwrap();
    let login = login("c1", of_share("s1"), 10);
    db.add_login(&login, at(0), &entry("login.made"))
        .await
        .unwrap();
    share.note = "the same secret".to_owned();
    db.put_share(&share, Put::Existing, &entry("share.changed"))
        .await
        .unwrap();
    assert_eq!(ends(&db, 0).await, [10]);
    share.secret = SecretDigest::of("another");
    db.put_share(&share, Put::Existing, &entry("share.rotated"))
        .await
        .unwrap();
    assert!(ends(&db, 0).await.is_empty());
}
