// SPDX-License-Identifier: MPL-2.0
//! Calls of doorbells.

use porthole_protocol::wire::CallEnd;
use porthole_signaling::model::{CallRecord, Role};
use porthole_signaling::store::CallFilter;

use crate::database::*;

on_both! {
    a_call_is_read_as_it_was_written_and_followed_to_its_end
    a_filter_of_calls_leaves_what_it_says_page_after_page
    there_is_one_picture_of_a_call
    calls_and_pictures_are_forgotten
    whoever_has_a_name_next_sees_no_calls_of_before
    that_a_door_was_opened_is_noted_once_and_for_its_own_camera_alone
}

fn call(id: &str, second: i64) -> CallRecord {
    CallRecord {
        id: id.to_owned(),
        ring: format!("ring of {id}"),
        camera: "front".to_owned(),
        name: "Front \"door\" ü".to_owned(),
        rang: at(second),
        rang_by: None,
        recipients: [("anna".to_owned(), "link".to_owned())].into(),
        answered: None,
        answered_by: None,
        talking: None,
        door_opened: None,
        ended: None,
        reason: None,
        has_snapshot: false,
    }
}

async fn found(db: &Database, filter: CallFilter) -> Vec<String> {
    let calls = db.calls(&filter).await.unwrap();
    calls.into_iter().map(|call| call.id).collect()
}

async fn a_call_is_read_as_it_was_written_and_followed_to_its_end(db: Database) {
    let made = call("c", 1);
    db.put_calls(std::slice::from_ref(&made)).await.unwrap();
    let all = CallFilter::default();
    let found = db.calls(&all).await.unwrap();
    assert_eq!(found, std::slice::from_ref(&made));
    let mut ended = CallRecord {
        rang_by: None,
        answered: Some(at(3)),
        answered_by: Some("anna".to_owned()),
        talking: Some(at(4)),
        door_opened: Some(at(5)),
        ended: Some(at(9)),
        reason: Some(CallEnd::HungUpAtDoor),
        ..made
    };
    ended
        .recipients
        .insert("bob".to_owned(), "other".to_owned());
    db.put_calls(std::slice::from_ref(&ended)).await.unwrap();
    let found = db.calls(&all).await.unwrap();
    assert_eq!(found, std::slice::from_ref(&ended));
    let by_api = CallRecord {
        id: "d".to_owned(),
        rang_by: Some("button".to_owned()),
        recipients: [].into(),
        reason: Some(CallEnd::Other),
        ..ended
    };
    db.put_calls(std::slice::from_ref(&by_api)).await.unwrap();
    let filter = CallFilter {
        id: Some("d".to_owned()),
        ..all
    };
    assert_eq!(db.calls(&filter).await.unwrap(), [by_api]);
}

async fn a_filter_of_calls_leaves_what_it_says_page_after_page(db: Database) {
    let back = CallRecord {
        camera: "back".to_owned(),
        recipients: [("bob".to_owned(), "l".to_owned())].into(),
        ended: Some(at(9)),
        ..call("b", 2)
    };
    // Two of one moment.
    let all = [call("a", 1), back, call("c", 2), call("d", 3)];
    db.put_calls(&all).await.unwrap();
    let filter = CallFilter::default;
    assert_eq!(found(&db, filter()).await, ["d", "c", "b", "a"]);
    let camera = Some("front".to_owned());
    assert_eq!(
        found(&db, CallFilter { camera, ..filter() }).await,
        ["d", "c", "a"]
    );
    let user = Some("bob".to_owned());
    assert_eq!(found(&db, CallFilter { user, ..filter() }).await, ["b"]);
    let running = CallFilter {
        running: true,
        ..filter()
    };
    assert_eq!(found(&db, running).await, ["d", "c", "a"]);
    let mut pages = Vec::new();
    let mut before = None;
    loop {
        let part = CallFilter {
            before: before.clone(),
            limit: 1,
            ..filter()
        };
        let calls = db.calls(&part).await.unwrap();
        let Some(last) = calls.last() else { break };
        before = Some((last.rang, last.id.clone()));
        pages.push(last.id.clone());
    }
    assert_eq!(pages, ["d", "c", "b", "a"]);
}

async fn there_is_one_picture_of_a_call(db: Database) {
    db.put_calls(&[call("c", 1)]).await.unwrap();
    let jpeg: Vec<u8> = (0..=255).cycle().take(100_000).collect();
    db.put_call_snapshot("c", &jpeg, at(1)).await.unwrap();
    db.put_call_snapshot("c", b"another", at(2)).await.unwrap();
    assert_eq!(db.call_snapshot("c").await.unwrap(), Some(jpeg));
    assert_eq!(db.call_snapshot("x").await.unwrap(), None);
    assert!(
        db.put_call_snapshot("x", b"of nothing", at(1))
            .await
            .is_err()
    );
    assert!(db.calls(&CallFilter::default()).await.unwrap()[0].has_snapshot);
}

async fn calls_and_pictures_are_forgotten(db: Database) {
    let ids = ["a", "b", "c", "d", "e"];
    for (second, id) in (1..).zip(ids) {
        db.put_calls(&[call(id, second)]).await.unwrap();
        db.put_call_snapshot(id, b"jpeg", at(second)).await.unwrap();
    }
    assert_eq!(db.forget_calls(at(1), 5, 10).await.unwrap(), 0);
    // One call with its picture, and one picture beyond three.
    assert_eq!(db.forget_calls(at(2), 3, 10).await.unwrap(), 2);
    assert_eq!(
        found(&db, CallFilter::default()).await,
        ["e", "d", "c", "b"]
    );
    for (id, is_kept) in [("a", false), ("b", false), ("c", true), ("e", true)] {
        let kept = db.call_snapshot(id).await.unwrap();
        assert_eq!(kept.is_some(), is_kept, "{id}");
    }
    assert_eq!(
        db.forget_calls(at(9), 10, 3).await.unwrap(),
        3,
        "so many at a time"
    );
    while db.forget_calls(at(9), 10, 3).await.unwrap() > 0 {}
    assert!(found(&db, CallFilter::default()).await.is_empty());
}

async fn whoever_has_a_name_next_sees_no_calls_of_before(db: Database) {
    let db = db.furnished().await;
    db.put_calls(&[call("c", 1)]).await.unwrap();
    let of_anna = || CallFilter {
        user: Some("anna".to_owned()),
        ..CallFilter::default()
    };
    assert_eq!(found(&db, of_anna()).await, ["c"]);
    db.remove_user("anna", &entry("user.removed"))
        .await
        .unwrap();
    db.add_user("anna", Role::Viewer).await;
    assert!(found(&db, of_anna()).await.is_empty());
    assert_eq!(found(&db, CallFilter::default()).await, ["c"]);
}

async fn that_a_door_was_opened_is_noted_once_and_for_its_own_camera_alone(db: Database) {
    db.put_calls(&[call("c", 1)]).await.unwrap();
    let opened = async || db.calls(&CallFilter::default()).await.unwrap()[0].door_opened;
    db.put_call_door("c", "back", at(2)).await.unwrap();
    assert_eq!(opened().await, None, "another camera's word");
    for second in [3, 4] {
        db.put_call_door("c", "front", at(second)).await.unwrap();
    }
    assert_eq!(opened().await, Some(at(3)));
    // What is written of the call later does not know of it.
    let ended = CallRecord {
        ended: Some(at(9)),
        ..call("c", 1)
    };
    db.put_calls(&[ended]).await.unwrap();
    assert_eq!(opened().await, Some(at(3)));
    db.put_call_door("x", "front", at(2)).await.unwrap();
}
