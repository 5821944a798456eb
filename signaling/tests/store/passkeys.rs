// SPDX-License-Identifier: MPL-2.0
//! Passkeys.

use porthole_signaling::SecretDigest;
use porthole_signaling::model::{Passkey, Role, SecondFactor};
use porthole_signaling::store::{Answered, PasskeyKind, Result, StoreError};

use crate::database::*;

on_both! {
    what_was_added_is_there_and_ends_the_log_ins_of_before
    of_many_who_are_first_at_once_one_is
    no_device_is_there_twice_and_no_further_one_without_a_first
    a_challenge_is_answered_once_until_it_is_over
    a_counter_goes_up_or_is_none
    of_many_uses_of_one_counter_one_counts
    the_last_one_stays_where_one_is_asked_for
    it_has_a_name_of_its_owner
    all_of_them_go_at_once_and_with_their_user
    administrators_who_have_one_stay_logged_in
}

fn passkey(id: &str, user: &str) -> Passkey {
    Passkey {
        id: id.to_owned(),
        user: user.to_owned(),
        name: "Telephone".to_owned(),
        credential_id: format!("credential {id}"),
        credential: "{}".to_owned(),
        counter: 5,
        created: at(1),
        used: None,
    }
}

fn answered(challenge: &str) -> Answered {
    Answered {
        challenge: SecretDigest::of(challenge),
        until: at(5),
        at: at(1),
    }
}

fn recovery() -> [SecretDigest; 2] {
    [SecretDigest::of("one"), SecretDigest::of("two")]
}

async fn first(db: &Database, id: &str, user: &str) -> Result<()> {
    let (passkey, recovery) = (passkey(id, user), recovery());
    let kind = PasskeyKind::First(&recovery);
    let entry = entry("passkey.added");
    db.add_passkey(&passkey, kind, &answered(id), None, &entry)
        .await
}

async fn further(db: &Database, id: &str, user: &str) -> Result<()> {
    let (passkey, entry) = (passkey(id, user), entry("passkey.added"));
    db.add_passkey(&passkey, PasskeyKind::Further, &answered(id), None, &entry)
        .await
}

/// Uses it with this counter, for an answer to this challenge.
async fn used(db: &Database, id: &str, counter: u32, challenge: &str) -> Result<()> {
    let passkey = Passkey {
        counter,
        ..passkey(id, "anna")
    };
    db.use_passkey(&passkey, &answered(challenge)).await
}

async fn log_in(db: &Database, cookie: &str, user: &str) {
    let login = login(cookie, of_user(user), 60);
    let made = db.add_login(&login, at(0), &entry("login.made")).await;
    made.unwrap();
}

async fn logins(db: &Database) -> usize {
    db.snapshot(at(0)).await.unwrap().logins.len()
}

async fn what_was_added_is_there_and_ends_the_log_ins_of_before(db: Database) {
    let db = db.furnished().await;
    log_in(&db, "saved", "anna").await;
    log_in(&db, "ended", "anna").await;
    let (kept, recovery) = (passkey("a", "anna"), recovery());
    let save = SecretDigest::of("saved");
    let kind = PasskeyKind::First(&recovery);
    let entry = entry("passkey.added");
    db.add_passkey(&kept, kind, &answered("a"), Some(&save), &entry)
        .await
        .unwrap();
    let left = db.snapshot(at(0)).await.unwrap().logins;
    assert!(left.len() == 1 && left[0].cookie == save);
    let found = db.passkeys("anna").await.unwrap();
    let [found] = found.as_slice() else {
        panic!("{found:?}");
    };
    assert_eq!(
        (&*found.name, found.counter, found.created, found.used),
        ("Telephone", 5, at(1), None)
    );
    assert!(db.passkeys("root").await.unwrap().is_empty());
    // Its recovery codes are there without an app.
    let one = SecretDigest::of("one");
    db.use_recovery_code("anna", &one, &entry).await.unwrap();
    assert!(db.use_recovery_code("anna", &one, &entry).await.is_err());
    let nobody = further(&db, "n", "nobody").await;
    assert!(
        matches!(nobody, Err(StoreError::NoSuch("user"))),
        "{nobody:?}"
    );
}

async fn of_many_who_are_first_at_once_one_is(db: Database) {
    let db = db.furnished().await;
    let tries = (0..6).map(|n: u32| {
        let store = db.store();
        tokio::spawn(async move {
            let entry = entry("passkey.added");
            let recovery = recovery();
            if n.is_multiple_of(2) {
                let passkey = passkey(&n.to_string(), "anna");
                let kind = PasskeyKind::First(&recovery);
                let answered = answered(&n.to_string());
                let added = store.add_passkey(&passkey, kind, &answered, None, &entry);
                return added.await.is_ok();
            }
            let app = SecondFactor {
                user: "anna".to_owned(),
                secret: "sealed".to_owned(),
                last_step: 1,
                recovery: recovery.into(),
                created: at(1),
            };
            store.add_second_factor(&app, &entry).await.is_ok()
        })
    });
    let mut added = 0;
    for each in tries.collect::<Vec<_>>() {
        added += u32::from(each.await.unwrap());
    }
    assert_eq!(added, 1);
    let app = usize::from(db.second_factor("anna").await.unwrap().is_some());
    assert_eq!(db.passkeys("anna").await.unwrap().len() + app, 1);
}

async fn no_device_is_there_twice_and_no_further_one_without_a_first(db: Database) {
    let db = db.furnished().await;
    let alone = further(&db, "a", "anna").await;
    assert!(matches!(alone, Err(StoreError::NotFound)), "{alone:?}");
    first(&db, "a", "anna").await.unwrap();
    let again = first(&db, "b", "anna").await;
    assert!(matches!(again, Err(StoreError::Exists)), "{again:?}");
    further(&db, "b", "anna").await.unwrap();
    // By whomsoever.
    let (mut same, entry) = (passkey("c", "root"), entry("passkey.added"));
    same.credential_id = "credential a".to_owned();
    let kind = PasskeyKind::First(&[]);
    let twice = db
        .add_passkey(&same, kind, &answered("c"), None, &entry)
        .await;
    assert!(matches!(twice, Err(StoreError::Exists)), "{twice:?}");
}

async fn a_challenge_is_answered_once_until_it_is_over(db: Database) {
    let db = db.furnished().await;
    first(&db, "a", "anna").await.unwrap();
    used(&db, "a", 6, "x").await.unwrap();
    let replayed = used(&db, "a", 7, "x").await;
    assert!(
        matches!(replayed, Err(StoreError::NotFound)),
        "{replayed:?}"
    );
    // One that was answered wrong is not answered.
    used(&db, "a", 6, "y").await.unwrap_err();
    used(&db, "a", 7, "y").await.unwrap();
    // What adds a device is answered once as well.
    let added = further(&db, "a", "anna").await;
    assert!(matches!(added, Err(StoreError::NotFound)), "{added:?}");
    let found = db.passkeys("anna").await.unwrap();
    assert_eq!((found[0].counter, found[0].used), (7, Some(at(1))));
    // It is forgotten when no answer would count any more, and then it is for whoever asks to say so.
    let late = Answered {
        at: at(5),
        until: at(9),
        ..answered("z")
    };
    let passkey = Passkey {
        counter: 8,
        ..passkey("a", "anna")
    };
    db.use_passkey(&passkey, &late).await.unwrap();
    used(&db, "a", 9, "x").await.unwrap();
}

async fn a_counter_goes_up_or_is_none(db: Database) {
    let db = db.furnished().await;
    first(&db, "a", "anna").await.unwrap();
    for (counter, counts) in [(5, false), (4, false), (0, false), (6, true), (6, false)] {
        let challenge = format!("{counter} {counts}");
        let used = used(&db, "a", counter, &challenge).await;
        assert_eq!(used.is_ok(), counts, "{counter}");
    }
    let passkey = Passkey {
        counter: 0,
        ..passkey("b", "anna")
    };
    let entry = entry("passkey.added");
    let challenge = answered("b");
    let added = db.add_passkey(&passkey, PasskeyKind::Further, &challenge, None, &entry);
    added.await.unwrap();
    for (counter, counts) in [(0, true), (0, true), (1, true), (0, false)] {
        let challenge = format!("b {counter} {counts} {}", random());
        let used = used(&db, "b", counter, &challenge).await;
        assert_eq!(used.is_ok(), counts, "{counter}");
    }
    // Another's is none of one's own.
    let theirs = Passkey {
        user: "root".to_owned(),
        counter: 100,
        ..passkey
    };
    let stolen = db.use_passkey(&theirs, &answered("stolen")).await;
    assert!(matches!(stolen, Err(StoreError::NotFound)), "{stolen:?}");
}

fn random() -> String {
    porthole_protocol::random_secret()
}

async fn of_many_uses_of_one_counter_one_counts(db: Database) {
    let db = db.furnished().await;
    first(&db, "a", "anna").await.unwrap();
    let tries = (0..8).map(|n| {
        let store = db.store();
        let passkey = Passkey {
            counter: 6,
            ..passkey("a", "anna")
        };
        tokio::spawn(async move {
            let challenge = answered(&format!("{n}"));
            store.use_passkey(&passkey, &challenge).await.is_ok()
        })
    });
    let mut counted = 0;
    for each in tries.collect::<Vec<_>>() {
        counted += u32::from(each.await.unwrap());
    }
    assert_eq!(counted, 1);
}

async fn the_last_one_stays_where_one_is_asked_for(db: Database) {
    let db = db.furnished().await;
    first(&db, "a", "anna").await.unwrap();
    further(&db, "b", "anna").await.unwrap();
    let entry = entry("passkey.removed");
    // Of two who take away one each, at once, one is too late.
    let tries = ["a", "b"].map(|id| {
        let (store, entry) = (db.store(), entry.clone());
        tokio::spawn(async move {
            store
                .remove_passkey("anna", id, true, None, &entry)
                .await
                .is_ok()
        })
    });
    let mut removed = 0;
    for each in tries {
        removed += u32::from(each.await.unwrap());
    }
    assert_eq!(removed, 1);
    let left = db.passkeys("anna").await.unwrap();
    let id = &left[0].id;
    let last = db.remove_passkey("anna", id, true, None, &entry).await;
    assert!(
        matches!(last, Err(StoreError::LastSecondFactor)),
        "{last:?}"
    );
    let others = db.remove_passkey("root", id, false, None, &entry).await;
    assert!(matches!(others, Err(StoreError::NotFound)), "{others:?}");
    log_in(&db, "ended", "anna").await;
    db.remove_passkey("anna", id, false, None, &entry)
        .await
        .unwrap();
    assert_eq!(logins(&db).await, 0);
    // And with it what was for when it is lost.
    let one = SecretDigest::of("one");
    let code = db.use_recovery_code("anna", &one, &entry).await;
    assert!(matches!(code, Err(StoreError::NotFound)), "{code:?}");
}

async fn it_has_a_name_of_its_owner(db: Database) {
    let db = db.furnished().await;
    first(&db, "a", "anna").await.unwrap();
    let entry = entry("passkey.renamed");
    db.rename_passkey("anna", "a", "Key", &entry).await.unwrap();
    let theirs = db.rename_passkey("root", "a", "Mine", &entry).await;
    assert!(matches!(theirs, Err(StoreError::NotFound)), "{theirs:?}");
    assert_eq!(db.passkeys("anna").await.unwrap()[0].name, "Key");
}

async fn all_of_them_go_at_once_and_with_their_user(db: Database) {
    let db = db.furnished().await;
    first(&db, "a", "anna").await.unwrap();
    log_in(&db, "ended", "anna").await;
    let entry = entry("second-factor.reset");
    db.remove_second_factor("anna", &entry).await.unwrap();
    assert!(db.passkeys("anna").await.unwrap().is_empty());
    assert_eq!(logins(&db).await, 0);
    let again = db.remove_second_factor("anna", &entry).await;
    assert!(matches!(again, Err(StoreError::NotFound)), "{again:?}");
    first(&db, "b", "anna").await.unwrap();
    db.remove_user("anna", &entry).await.unwrap();
    assert!(db.passkeys("anna").await.unwrap().is_empty());
}

async fn administrators_who_have_one_stay_logged_in(db: Database) {
    let db = db.furnished().await;
    db.add_user("boss", Role::Administrator).await;
    first(&db, "a", "boss").await.unwrap();
    for user in ["boss", "root"] {
        log_in(&db, user, user).await;
    }
    db.end_logins_without_second_factor().await.unwrap();
    let left = db.snapshot(at(0)).await.unwrap().logins;
    assert!(left.len() == 1 && left[0].holder == of_user("boss"));
}
