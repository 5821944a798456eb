// SPDX-License-Identifier: MPL-2.0
//! Share links.

use porthole_signaling::SecretDigest;
use porthole_signaling::model::Share;
use porthole_signaling::store::{Put, Result, StoreError};

use crate::database::*;

on_both! {
    a_link_is_read_as_it_was_put
    a_link_is_used_up
    a_link_opens_and_closes
    many_at_once_do_not_use_it_more_often
    a_change_keeps_its_uses_until_the_secret_changes
    a_link_goes_with_its_log_ins
}

async fn put(db: &Database, share: &Share) {
    db.put_share(share, Put::New, &entry("share.added"))
        .await
        .unwrap();
}

async fn open_link(db: &Database, cookie: &str, minute: i64) -> Result<Share> {
    let login = login(cookie, of_share("s1"), 100);
    db.use_share(
        &SecretDigest::of("s1"),
        &login,
        at(minute),
        &entry("share.opened"),
    )
    .await
}

async fn a_link_is_read_as_it_was_put(db: Database) {
    let db = db.furnished().await;
    put(&db, &share("s1", 0..60)).await;
    put(
        &db,
        &Share {
            created: at(1),
            saving: false,
            ..share("s2", 10..70)
        },
    )
    .await;
    let kept = db.shares(at(0)).await.unwrap();
    let ids: Vec<_> = kept.iter().map(|share| &*share.id).collect();
    assert_eq!(ids, ["s2", "s1"], "the newest first");
    let (first, put) = (&kept[1], share("s1", 0..60));
    assert!(first.secret.matches(&put.secret));
    assert_eq!(
        (&first.camera, first.window, &first.perms),
        (&put.camera, put.window, &put.perms)
    );
    assert_eq!((kept[0].saving, first.saving), (false, true));
    assert_eq!(
        (first.max_uses, first.uses, &first.note, first.created),
        (2, 0, &put.note, put.created)
    );
    assert_eq!(db.shares(at(60)).await.unwrap().len(), 1);
    assert_eq!(db.snapshot(at(60)).await.unwrap().shares.len(), 1);
    let nowhere = Share {
        camera: "yard".to_owned(),
        ..share("s3", 0..60)
    };
    let failed = db.put_share(&nowhere, Put::New, &entry("refused")).await;
    assert!(
        matches!(failed, Err(StoreError::NoSuch("camera"))),
        "{failed:?}"
    );
}

async fn a_link_is_used_up(db: Database) {
    let db = db.furnished().await;
    put(&db, &share("s1", 0..60)).await;
    assert_eq!(open_link(&db, "c1", 1).await.unwrap().uses, 1);
    assert_eq!(open_link(&db, "c2", 1).await.unwrap().uses, 2);
    let failed = open_link(&db, "c3", 1).await;
    assert!(matches!(failed, Err(StoreError::Spent)), "{failed:?}");
    assert_eq!(db.snapshot(at(1)).await.unwrap().logins.len(), 2);
    assert_eq!(
        db.actions().await[3..],
        ["share.added", "share.opened", "share.opened"]
    );
    let wrong = SecretDigest::of("wrong");
    let failed = db
        .use_share(
            &wrong,
            &login("c4", of_share("s1"), 100),
            at(1),
            &entry("share.opened"),
        )
        .await;
    assert!(matches!(failed, Err(StoreError::NotFound)), "{failed:?}");
}

async fn a_link_opens_and_closes(db: Database) {
    let db = db.furnished().await;
    put(&db, &share("s1", 10..20)).await;
    for minute in [9, 20] {
        let failed = open_link(&db, "c1", minute).await;
        assert!(
            matches!(failed, Err(StoreError::Spent)),
            "{minute}: {failed:?}"
        );
    }
    open_link(&db, "c1", 10).await.unwrap();
    open_link(&db, "c2", 19).await.unwrap();
}

async fn many_at_once_do_not_use_it_more_often(db: Database) {
    let db = db.furnished().await;
    put(
        &db,
        &Share {
            max_uses: 5,
            ..share("s1", 0..60)
        },
    )
    .await;
    let people = (0..20).map(|number| {
        let store = db.store();
        tokio::spawn(async move {
            let login = login(&format!("c{number}"), of_share("s1"), 100);
            store
                .use_share(
                    &SecretDigest::of("s1"),
                    &login,
                    at(1),
                    &entry("share.opened"),
                )
                .await
        })
    });
    let (mut uses, mut refused) = (Vec::new(), 0);
    for person in people.collect::<Vec<_>>() {
        match person.await.unwrap() {
            Ok(share) => uses.push(share.uses),
            Err(StoreError::Spent) => refused += 1,
            Err(other) => panic!("{other}"),
        }
    }
    uses.sort_unstable();
    assert_eq!((uses, refused), (vec![1, 2, 3, 4, 5], 15));
    let kept = db.snapshot(at(1)).await.unwrap();
    assert_eq!((kept.shares[0].uses, kept.logins.len()), (5, 5));
}

async fn a_change_keeps_its_uses_until_the_secret_changes(db: Database) {
    let db = db.furnished().await;
    put(&db, &share("s1", 0..60)).await;
    open_link(&db, "c1", 1).await.unwrap();
    let longer = share("s1", 0..90);
    db.put_share(&longer, Put::Existing, &entry("share.changed"))
        .await
        .unwrap();
    let kept = db.shares(at(0)).await.unwrap().remove(0);
    assert_eq!((kept.uses, kept.window), (1, window(0..90)));
    let rotated = Share {
        secret: SecretDigest::of("new"),
        ..longer
    };
    db.put_share(&rotated, Put::Existing, &entry("share.rotated"))
        .await
        .unwrap();
    assert_eq!(db.shares(at(0)).await.unwrap()[0].uses, 0);
    let failed = open_link(&db, "c2", 1).await;
    assert!(
        matches!(failed, Err(StoreError::NotFound)),
        "the old secret: {failed:?}"
    );
}

async fn a_link_goes_with_its_log_ins(db: Database) {
    let db = db.furnished().await;
    put(&db, &share("s1", 0..60)).await;
    open_link(&db, "c1", 1).await.unwrap();
    db.remove_share("s1", &entry("share.removed"))
        .await
        .unwrap();
    let kept = db.snapshot(at(0)).await.unwrap();
    assert!(kept.shares.is_empty() && kept.logins.is_empty());
    let gone = db.remove_share("s1", &entry("refused")).await;
    assert!(matches!(gone, Err(StoreError::NotFound)), "{gone:?}");
}
