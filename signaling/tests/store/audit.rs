// SPDX-License-Identifier: MPL-2.0
//! The audit log.

use porthole_signaling::model::AuditEntry;
use porthole_signaling::store::{AuditFilter, MAX_ROWS};
use serde_json::{Value, json};

use crate::database::*;

on_both! {
    what_is_searched_for_is_found_in_any_of_an_entrys_words
    an_entry_is_read_as_it_was_written
    a_filter_leaves_what_it_says
    what_failed_is_told_from_what_ended_as_it_should
    no_more_than_the_most_rows_are_answered
    the_oldest_entries_beyond_so_many_go
    the_database_answers
}

fn full() -> AuditEntry {
    AuditEntry {
        camera: Some("front".to_owned()),
        user: Some("anna".to_owned()),
        subject: Some("0192".to_owned()),
        details: json!({ "reason": "lease-ended", "seconds": 7, "note": "\"ü\"\n" }),
        ..entry("session.ended")
    }
}

async fn the_oldest_entries_beyond_so_many_go(db: Database) {
    let numbered = |n: u32| AuditEntry {
        subject: Some(n.to_string()),
        ..entry("session.ended")
    };
    let all: Vec<_> = (0..50).map(numbered).collect();
    db.log(&all).await.unwrap();
    assert_eq!(db.forget_surplus(u64::MAX, 1000).await.unwrap(), 0);
    assert_eq!(db.forget_surplus(20, 7).await.unwrap(), 7);
    let mut gone = 7;
    while let forgotten @ 1.. = db.forget_surplus(20, 7).await.unwrap() {
        gone += forgotten;
    }
    let left = db.audit(&AuditFilter::default()).await.unwrap();
    let subjects: Vec<_> = left.iter().filter_map(|(_, e)| e.subject.clone()).collect();
    let expected: Vec<_> = (30..50).rev().map(|n: u32| n.to_string()).collect();
    assert_eq!((subjects, gone), (expected, 30));
}

async fn an_entry_is_read_as_it_was_written(db: Database) {
    db.log(&[entry("server.started"), full()]).await.unwrap();
    let entries = db.audit(&AuditFilter::default()).await.unwrap();
    let [(second, ended), (first, started)] = &entries[..] else {
        panic!("{entries:?}");
    };
    assert!(first < second);
    assert_eq!((ended, started), (&full(), &entry("server.started")));
}

async fn a_filter_leaves_what_it_says(db: Database) {
    let by = |actor: &str| AuditEntry {
        actor: actor.to_owned(),
        ..entry("login.made")
    };
    db.log(&[by("anna"), by("otto"), full()]).await.unwrap();
    let actions = async |filter: AuditFilter| -> Vec<String> {
        let entries = db.audit(&filter).await.unwrap();
        entries.into_iter().map(|(_, entry)| entry.action).collect()
    };
    let of_anna = AuditFilter {
        user: Some("anna".to_owned()),
        ..AuditFilter::default()
    };
    assert_eq!(
        actions(of_anna.clone()).await,
        ["session.ended", "login.made"],
        "by and about"
    );
    let of_camera = AuditFilter {
        camera: Some("front".to_owned()),
        ..AuditFilter::default()
    };
    assert_eq!(actions(of_camera).await, ["session.ended"]);
    let first = AuditFilter {
        limit: 1,
        ..of_anna.clone()
    };
    let (number, entry) = db.audit(&first).await.unwrap().remove(0);
    assert_eq!(entry.action, "session.ended");
    let next = AuditFilter {
        before: Some(number),
        ..of_anna
    };
    assert_eq!(actions(next).await, ["login.made"]);
}

async fn what_is_searched_for_is_found_in_any_of_an_entrys_words(db: Database) {
    let by = |actor: &str, details: Value| AuditEntry {
        actor: actor.to_owned(),
        details,
        ..entry("login.made")
    };
    let entries = [
        by("Anna", json!({"with": "100%_sure"})),
        by("otto", json!({"with": "1000 sure"})),
        full(),
    ];
    db.log(&entries).await.unwrap();
    let found = async |search: &str| -> usize {
        let filter = AuditFilter {
            search: Some(search.to_owned()),
            ..AuditFilter::default()
        };
        db.audit(&filter).await.unwrap().len()
    };
    for (search, count) in [
        ("ANNA", 2),
        ("otto", 1),
        ("Login.", 2),
        ("front", 1),
        // What means something else to the database is text here.
        ("100%_s", 1),
        ("100_", 0),
        ("%", 1),
        ("'", 0),
        ("!", 0),
        ("nobody", 0),
    ] {
        assert_eq!(found(search).await, count, "{search}");
    }
}

async fn what_failed_is_told_from_what_ended_as_it_should(db: Database) {
    let of = |action: &str, reason: &str| AuditEntry {
        details: json!({ "reason": reason, "started": "2026-12-01T10:00:00Z" }),
        ..entry(action)
    };
    // What a browser said is no reason.
    let said = AuditEntry {
        details: json!({ "reason": "viewer-left", "detail": "\"reason\":\"media-failed\"" }),
        ..entry("session.ended")
    };
    let entries = [
        of("session.ended", "lease-ended"),
        of("session.ended", "media-failed"),
        of("session.refused", "no-booking"),
        of("session.started", "media-failed"),
        of("session.ended", "camera-gone"),
        said,
        entry("login.refused"),
    ];
    db.log(&entries).await.unwrap();
    let failed = AuditFilter {
        failed: true,
        ..AuditFilter::default()
    };
    let found = db.audit(&failed).await.unwrap();
    let found: Vec<_> = found.into_iter().map(|(_, entry)| entry).collect();
    let expected = [6, 4, 2, 1].map(|n| entries[n].clone());
    assert_eq!(found, expected);
    let from = AuditFilter {
        from: Some(entries[0].at),
        ..failed.clone()
    };
    assert_eq!(db.audit(&from).await.unwrap().len(), 4);
    let later = AuditFilter {
        from: Some(entries[0].at + jiff::SignedDuration::from_secs(1)),
        ..failed
    };
    assert_eq!(db.audit(&later).await.unwrap().len(), 0);
}

async fn no_more_than_the_most_rows_are_answered(db: Database) {
    let many = vec![entry("login.made"); MAX_ROWS as usize + 1];
    db.log(&many).await.unwrap();
    for limit in [0, MAX_ROWS, u32::MAX] {
        let filter = AuditFilter {
            limit,
            ..AuditFilter::default()
        };
        assert_eq!(db.audit(&filter).await.unwrap().len(), MAX_ROWS as usize);
    }
}

async fn the_database_answers(db: Database) {
    db.ping().await.unwrap();
}
