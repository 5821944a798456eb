// SPDX-License-Identifier: MPL-2.0
//! What a call said was done is there after everything ended in the middle of something else.

use std::collections::BTreeSet;
use std::io::{BufRead as _, BufReader};
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};

use porthole_signaling::store::{AuditFilter, BookingFilter, Put, Store, StoreError, open};

use crate::database::*;
use crate::postgres::Postgres;

/// Names the file that a process of its own writes into until it is killed.
const PLACE: &str = "PORTHOLE_TEST_STORE";
/// Before each id that is in the file.
const WRITTEN: &str = "written ";
const KILLS: u32 = 100;
const CRASHES: u32 = 20;

/// Writes a booking with an entry in the audit log about it.
async fn write(store: &dyn Store, id: &str, minute: i64) -> Result<(), StoreError> {
    let booked = with_control(booking(id, minute..minute + 1));
    let mut entry = entry("booking.added");
    entry.subject = Some(id.to_owned());
    store
        .put_booking(&booked, &[booked.window], Put::New, &entry)
        .await
}

/// Every booking that was acknowledged is there, whole, and nothing is there in part.
async fn check(store: &dyn Store, acknowledged: &BTreeSet<String>) {
    let (mut ids, mut after) = (BTreeSet::new(), None);
    loop {
        let filter = BookingFilter {
            after,
            ..BookingFilter::default()
        };
        let page = store.bookings(&filter).await.unwrap();
        let Some((last, _)) = page.last() else { break };
        after = Some(last.id.clone());
        for (booking, windows) in page {
            assert_eq!(windows, [booking.window]);
            ids.insert(booking.id);
        }
    }
    let lost: Vec<_> = acknowledged.difference(&ids).collect();
    assert!(lost.is_empty(), "lost: {lost:?}");
    let (mut subjects, mut before) = (BTreeSet::new(), None);
    loop {
        let filter = AuditFilter {
            before,
            ..AuditFilter::default()
        };
        let page = store.audit(&filter).await.unwrap();
        let Some((last, _)) = page.last() else { break };
        before = Some(*last);
        subjects.extend(page.into_iter().filter_map(|(_, entry)| entry.subject));
    }
    assert_eq!(
        subjects, ids,
        "an entry without its booking, or a booking without its entry"
    );
}

/// Alone, it writes some; as a process of its own (see below), until it is killed.
#[tokio::test]
async fn a_writer_finds_its_bookings_again() {
    if let Ok(place) = std::env::var(PLACE) {
        let store = open(&place).await.unwrap();
        println!();
        for number in 0.. {
            let id = format!("{}-{number}", std::process::id());
            // A minute for each, in which nobody else has control.
            let minute = i64::from(std::process::id()) * 100_000 + number;
            write(&*store, &id, minute).await.unwrap();
            println!("{WRITTEN}{id}");
        }
    }
    let db = Database::sqlite().await.furnished().await;
    let ids: BTreeSet<_> = (0..20).map(|number| number.to_string()).collect();
    for (minute, id) in (0..).zip(&ids) {
        write(&*db, id, minute).await.unwrap();
    }
    check(&*open(&db.place).await.unwrap(), &ids).await;
}

#[tokio::test]
async fn nothing_is_lost_when_the_process_is_killed() {
    let db = Database::sqlite().await.furnished().await;
    let mut acknowledged = BTreeSet::new();
    for round in 0..KILLS {
        let mut writer = Command::new(std::env::current_exe().unwrap())
            .args([
                "--exact",
                "crash::a_writer_finds_its_bookings_again",
                "--nocapture",
            ])
            .env(PLACE, &db.place)
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let lines = BufReader::new(writer.stdout.take().unwrap()).lines();
        // Now early, now late; what it wrote until the signal arrived comes with the rest of the pipe.
        let enough = 1 + round * 7 % 31;
        let mut written = 0;
        for line in lines {
            if let Some(id) = line.unwrap().strip_prefix(WRITTEN) {
                acknowledged.insert(id.to_owned());
                written += 1;
                if written == enough {
                    writer.kill().unwrap();
                }
            }
        }
        assert!(written >= enough, "the writer ended by itself");
        writer.wait().unwrap();
    }
    check(&*open(&db.place).await.unwrap(), &acknowledged).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_lost_when_postgresql_is_stopped_without_tidying_up() {
    let mut server = Postgres::start();
    let place = server.database().await;
    let store: Arc<dyn Store> = open(&place).await.unwrap();
    store
        .put_camera(&camera("front"), Put::New, &entry("camera.added"))
        .await
        .unwrap();
    let anna = user("anna", porthole_signaling::model::Role::Viewer);
    store
        .put_user(&anna, Put::New, &entry("user.added"))
        .await
        .unwrap();
    let mut acknowledged = BTreeSet::new();
    for round in 0..CRASHES {
        let (tell, mut told) = tokio::sync::mpsc::unbounded_channel();
        let enough = Arc::new(AtomicBool::new(false));
        for writer in 0..3 {
            let (store, tell, enough) = (store.clone(), tell.clone(), enough.clone());
            tokio::spawn(async move {
                for number in 0.. {
                    let id = format!("{round}-{writer}-{number}");
                    let minute = i64::from(round * 3 + writer) * 100_000 + number;
                    if write(&*store, &id, minute).await.is_err() || enough.load(Relaxed) {
                        return;
                    }
                    let _ = tell.send(id);
                }
            });
        }
        drop(tell);
        for _ in 0..1 + round * 7 % 31 {
            acknowledged.extend(told.recv().await);
        }
        server = tokio::task::spawn_blocking(move || {
            server.crash();
            server
        })
        .await
        .unwrap();
        // Each writer has met an error, or waited for a connection meanwhile.
        enough.store(true, Relaxed);
        while let Some(id) = told.recv().await {
            acknowledged.insert(id);
        }
        check(&*store, &acknowledged).await;
    }
}
