// SPDX-License-Identifier: MPL-2.0
//! By which of its connections a camera is whose, where several servers are one.

use std::collections::BTreeSet;

use porthole_signaling::store::open;

use crate::database::Database;

on_both! {
    each_connection_of_a_camera_has_a_higher_fence_than_all_before
}

async fn each_connection_of_a_camera_has_a_higher_fence_than_all_before(db: Database) {
    let (one, other) = (
        open(&db.place).await.unwrap(),
        open(&db.place).await.unwrap(),
    );
    assert_eq!(one.next_fence("front").await.unwrap(), 1);
    assert_eq!(other.next_fence("front").await.unwrap(), 2);
    assert_eq!(one.next_fence("back").await.unwrap(), 1, "of its own");
    // Two servers at once, again and again.
    let ask = |store: std::sync::Arc<dyn porthole_signaling::store::Store>| async move {
        let mut given = Vec::new();
        for _ in 0..20 {
            given.push(store.next_fence("front").await.unwrap());
        }
        assert!(given.is_sorted());
        given
    };
    let (here, there) = tokio::join!(tokio::spawn(ask(one.clone())), tokio::spawn(ask(other)));
    let all: BTreeSet<u64> = here.unwrap().into_iter().chain(there.unwrap()).collect();
    assert_eq!(all, (3..43).collect());
    drop(one);
    let again = open(&db.place).await.unwrap();
    assert_eq!(again.next_fence("front").await.unwrap(), 43);
}
