// SPDX-License-Identifier: MPL-2.0
//! Browsers that want to be told of calls.

use std::slice::from_ref;

use porthole_signaling::SecretDigest;
use porthole_signaling::model::{PushSubscription, Role};
use porthole_signaling::store::{Result, StoreError};

use crate::database::*;

on_both! {
    what_was_said_is_known_and_said_again_it_is_the_same
    of_one_user_the_latest_are_left
    a_browser_is_told_no_more_by_its_own_user_s_word_alone
    they_go_with_the_user_and_with_all_log_ins
    of_many_at_once_no_more_are_left
}

fn browser(name: &str, user: &str, minute: i64) -> PushSubscription {
    PushSubscription {
        user: user.to_owned(),
        endpoint: format!("https://push.example/{name}"),
        p256dh: format!("key of {name}"),
        auth: "secret".to_owned(),
        created: at(minute),
    }
}

async fn put(db: &Database, browser: &PushSubscription) -> Result<()> {
    db.put_push_subscription(browser, 3, &entry("push.added"))
        .await
}

async fn of(db: &Database, user: &str) -> Vec<PushSubscription> {
    db.push_subscriptions(user).await.unwrap()
}

async fn what_was_said_is_known_and_said_again_it_is_the_same(db: Database) {
    let db = db.furnished().await;
    let first = browser("a", "anna", 1);
    put(&db, &first).await.unwrap();
    assert_eq!(of(&db, "anna").await, from_ref(&first));
    let again = PushSubscription {
        auth: "other".to_owned(),
        created: at(2),
        ..first
    };
    put(&db, &again).await.unwrap();
    assert_eq!(of(&db, "anna").await, from_ref(&again));
    // Somebody else has signed in at the same browser.
    let root = PushSubscription {
        user: "root".to_owned(),
        ..again
    };
    put(&db, &root).await.unwrap();
    assert_eq!(
        (of(&db, "anna").await, of(&db, "root").await),
        (vec![], vec![root])
    );
    let nobody = put(&db, &browser("b", "nobody", 1)).await;
    assert!(
        matches!(nobody, Err(StoreError::NoSuch("user"))),
        "{nobody:?}"
    );
    assert_eq!(
        db.actions()
            .await
            .iter()
            .filter(|action| *action == "push.added")
            .count(),
        3
    );
}

async fn of_one_user_the_latest_are_left(db: Database) {
    let db = db.furnished().await;
    put(&db, &browser("r", "root", 0)).await.unwrap();
    for (name, minute) in [("c", 3), ("a", 1), ("d", 4), ("b", 2), ("e", 5)] {
        put(&db, &browser(name, "anna", minute)).await.unwrap();
    }
    let left = of(&db, "anna").await;
    let left: Vec<_> = left.iter().map(|browser| &*browser.endpoint).collect();
    assert_eq!(
        left,
        [
            "https://push.example/c",
            "https://push.example/d",
            "https://push.example/e"
        ]
    );
    assert_eq!(of(&db, "root").await.len(), 1);
}

async fn a_browser_is_told_no_more_by_its_own_user_s_word_alone(db: Database) {
    let db = db.furnished().await;
    let own = browser("a", "anna", 1);
    put(&db, &own).await.unwrap();
    let entry = entry("push.removed");
    for (user, id) in [("root", own.id()), ("anna", SecretDigest::of("other"))] {
        let removed = db.remove_push_subscription(user, &id, &entry).await;
        assert!(matches!(removed, Err(StoreError::NotFound)), "{removed:?}");
    }
    db.remove_push_subscription("anna", &own.id(), &entry)
        .await
        .unwrap();
    assert!(of(&db, "anna").await.is_empty());
}

async fn they_go_with_the_user_and_with_all_log_ins(db: Database) {
    let db = db.furnished().await;
    put(&db, &browser("a", "anna", 1)).await.unwrap();
    put(&db, &browser("r", "root", 1)).await.unwrap();
    let anna = user("anna", Role::Viewer);
    db.put_user_anew(&anna, None, &entry("user.signed-out"))
        .await
        .unwrap();
    assert!(of(&db, "anna").await.is_empty());
    put(&db, &browser("a", "anna", 1)).await.unwrap();
    db.remove_user("anna", &entry("user.removed"))
        .await
        .unwrap();
    db.add_user("anna", Role::Viewer).await;
    assert!(of(&db, "anna").await.is_empty());
    assert_eq!(of(&db, "root").await.len(), 1);
}

async fn of_many_at_once_no_more_are_left(db: Database) {
    let db = db.furnished().await;
    let puts = (0..16).map(|number| {
        let (store, browser) = (db.store(), browser(&number.to_string(), "anna", number));
        tokio::spawn(async move {
            let entry = entry("push.added");
            store.put_push_subscription(&browser, 3, &entry).await
        })
    });
    for put in puts.collect::<Vec<_>>() {
        put.await.unwrap().unwrap();
    }
    assert_eq!(of(&db, "anna").await.len(), 3);
}
