// SPDX-License-Identifier: MPL-2.0
//! Opening a database: a new one, an old one, one that is none; and copies of it.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;

use porthole_signaling::SecretDigest;
use porthole_signaling::model::SecondFactor;
use porthole_signaling::store::{StoreError, open};
use sqlx::{AnyConnection, AssertSqlSafe, Connection as _, Executor as _};

use crate::database::*;
use crate::postgres::shared_database;

on_both! {
    what_was_kept_is_there_when_it_is_opened_again
    a_database_of_a_later_version_is_refused
    tables_that_someone_changed_are_refused
    a_database_of_before_second_factors_is_brought_to_this_form
    recovery_codes_of_before_passkeys_are_kept
}

async fn what_was_kept_is_there_when_it_is_opened_again(db: Database) {
    let db = db.furnished().await;
    let again = open(&db.place).await.unwrap();
    assert_eq!(again.snapshot(at(0)).await.unwrap().users.len(), 2);
}

async fn a_database_of_a_later_version_is_refused(db: Database) {
    execute(
        &db.place,
        "INSERT INTO _sqlx_migrations (version, description, success, checksum, execution_time) \
         SELECT 99, description, success, checksum, execution_time FROM _sqlx_migrations \
         WHERE version = 1",
    )
    .await;
    let error = open(&db.place).await.err().unwrap();
    assert!(matches!(error, StoreError::Unusable(_)), "{error:?}");
    assert!(
        error
            .to_string()
            .contains("a later version of this program"),
        "{error}"
    );
}

async fn tables_that_someone_changed_are_refused(db: Database) {
    execute(&db.place, "DELETE FROM _sqlx_migrations").await;
    let error = open(&db.place).await.err().unwrap();
    assert!(error.to_string().contains("not of this program"), "{error}");
}

async fn a_database_of_before_second_factors_is_brought_to_this_form(db: Database) {
    let db = db.furnished().await;
    for sql in [
        "DROP TABLE recovery_codes",
        "DROP TABLE second_factors",
        "DROP TABLE passkeys",
        "DROP TABLE answered_challenges",
        "DROP INDEX windows_by_start",
        "DROP TABLE call_snapshots",
        "DROP TABLE call_recipients",
        "DROP TABLE calls",
        "DROP TABLE push_subscriptions",
        "ALTER TABLE bookings DROP COLUMN saving",
        "ALTER TABLE bookings DROP COLUMN own",
        "DROP TABLE self_booking",
        "DROP TABLE feeds",
        "DROP TABLE camera_fences",
        "ALTER TABLE shares DROP COLUMN saving",
        "DELETE FROM _sqlx_migrations WHERE version >= 2",
    ] {
        execute(&db.place, sql).await;
    }
    assert!(db.second_factor("anna").await.is_err());
    let again = open(&db.place).await.unwrap();
    assert_eq!(again.snapshot(at(0)).await.unwrap().users.len(), 2);
    assert!(again.second_factor("anna").await.unwrap().is_none());
}

async fn recovery_codes_of_before_passkeys_are_kept(db: Database) {
    let db = db.furnished().await;
    let app = SecondFactor {
        user: "anna".to_owned(),
        secret: "sealed".to_owned(),
        last_step: 1,
        recovery: vec![SecretDigest::of("one"), SecretDigest::of("two")],
        created: at(0),
    };
    let entry = entry("second-factor.made");
    db.add_second_factor(&app, &entry).await.unwrap();
    for sql in [
        "DROP TABLE passkeys",
        "DROP TABLE answered_challenges",
        "DELETE FROM _sqlx_migrations WHERE version = 4",
    ] {
        execute(&db.place, sql).await;
    }
    let again = open(&db.place).await.unwrap();
    let kept = again.second_factor("anna").await.unwrap().unwrap();
    assert_eq!(kept.recovery.len(), 2);
    let one = SecretDigest::of("one");
    again.use_recovery_code("anna", &one, &entry).await.unwrap();
    // They go with their user, of whatever form they were.
    again.remove_user("anna", &entry).await.unwrap();
    assert!(
        again
            .use_recovery_code("anna", &SecretDigest::of("two"), &entry)
            .await
            .is_err()
    );
}

async fn execute(place: &str, sql: &str) {
    let url = match place.starts_with("postgres") {
        true => place.to_owned(),
        false => format!("sqlite://{place}"),
    };
    let mut connection = AnyConnection::connect(&url).await.unwrap();
    connection.execute(AssertSqlSafe(sql)).await.unwrap();
    connection.close().await.unwrap();
}

#[tokio::test]
async fn the_file_and_those_beside_it_are_the_owners_alone() {
    let folder = Folder::new();
    let path = folder.file("porthole.db");
    let store = open(&path).await.unwrap();
    store.log(&[entry("server.started")]).await.unwrap();
    for suffix in ["", "-wal", "-shm"] {
        let mode = fs::metadata(format!("{path}{suffix}"))
            .unwrap()
            .permissions()
            .mode();
        assert_eq!(mode & 0o777, 0o600, "{suffix}");
    }
}

#[tokio::test]
async fn a_file_may_have_any_name_and_be_empty() {
    let folder = Folder::new();
    for name in [
        "a b.db",
        "50%25.db",
        "what?mode=memory",
        "#1.db",
        ":memory:",
        "ünï.db",
    ] {
        let path = folder.file(name);
        fs::write(&path, "").unwrap();
        let store = open(&path).await.unwrap();
        store.log(&[entry("server.started")]).await.unwrap();
        assert!(fs::metadata(&path).unwrap().len() > 0, "{name}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn two_may_open_a_new_database_at_once() {
    let folder = Folder::new();
    for place in [folder.file("porthole.db"), shared_database().await] {
        let both =
            [place.clone(), place].map(|place| tokio::spawn(async move { open(&place).await }));
        for opened in both {
            opened.await.unwrap().unwrap().ping().await.unwrap();
        }
    }
}

#[tokio::test]
async fn what_is_no_database_of_ours_is_refused_and_left_alone() {
    let folder = Folder::new();
    let path = folder.file("notes.txt");
    let text = "remember the milk ".repeat(100);
    fs::write(&path, &text).unwrap();
    assert!(open(&path).await.is_err());
    assert_eq!(fs::read_to_string(&path).unwrap(), text);

    let error = open(&folder.file("missing/porthole.db"))
        .await
        .err()
        .unwrap();
    assert!(matches!(error, StoreError::Unusable(_)), "{error:?}");
    assert!(error.to_string().contains("missing/porthole.db"), "{error}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_copy_made_while_others_write_is_complete() {
    let db = Database::sqlite().await.furnished().await;
    let folder = Folder::new();
    let writer = tokio::spawn({
        let store = db.store();
        async move {
            for number in 0..200 {
                let booked = booking(&format!("b{number:03}"), number..number + 1);
                let entry = entry("booking.added");
                let put = porthole_signaling::store::Put::New;
                store
                    .put_booking(&booked, &[booked.window], put, &entry)
                    .await
                    .unwrap();
            }
        }
    });
    let mut copies = Vec::new();
    while !writer.is_finished() {
        let before = db.snapshot(at(0)).await.unwrap().bookings.len();
        let copy = folder.file(&format!("copy{}.db", copies.len()));
        db.backup(copy.as_ref()).await.unwrap();
        copies.push((copy, before));
    }
    writer.await.unwrap();
    assert!(copies.len() > 1, "nothing was copied meanwhile");
    for (copy, before) in copies {
        assert_eq!(
            fs::metadata(&copy).unwrap().permissions().mode() & 0o777,
            0o600
        );
        let copy = open(&copy).await.unwrap();
        let bookings = copy.snapshot(at(0)).await.unwrap().bookings;
        assert!(bookings.len() >= before, "{} of {before}", bookings.len());
        for (booking, over) in &bookings {
            assert_eq!(*over, booking.window.end);
            let (_, windows) = copy.booking(&booking.id).await.unwrap();
            assert_eq!(windows, [booking.window]);
        }
        let entries = copy.audit(&Default::default()).await.unwrap();
        assert_eq!(entries.len(), bookings.len() + 3);
    }
}

#[tokio::test]
async fn a_copy_takes_nothing_elses_place() {
    let db = Database::sqlite().await;
    let folder = Folder::new();
    let taken = folder.file("taken");
    fs::write(&taken, "mine").unwrap();
    let error = db.backup(taken.as_ref()).await.err().unwrap();
    assert!(error.to_string().contains("taken"), "{error}");
    assert_eq!(fs::read_to_string(&taken).unwrap(), "mine");
}

#[tokio::test]
async fn postgresql_says_what_to_make_copies_with() {
    let db = Database::postgres().await;
    let folder = Folder::new();
    let error = db
        .backup(folder.file("copy.db").as_ref())
        .await
        .err()
        .unwrap();
    assert!(error.to_string().contains("pg_dump"), "{error}");
}
