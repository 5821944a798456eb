// SPDX-License-Identifier: MPL-2.0
//! At most one at a time has `control` of a camera.

use porthole_signaling::model::Booking;
use porthole_signaling::store::{Put, StoreError};

use crate::database::*;

on_both! {
    control_does_not_overlap
    viewers_overlap
    windows_that_touch_do_not_overlap
    one_that_recurs_is_looked_at_in_every_window
    a_change_does_not_meet_itself
    a_booking_that_gains_control_is_looked_at
    of_twenty_at_once_one_wins
    bookings_that_cross_do_not_hold_each_other_up
}

async fn control_does_not_overlap(db: Database) {
    let db = db.furnished().await;
    db.book(&with_control(booking("b1", 10..20))).await.unwrap();
    let before = db.actions().await;
    for minutes in [0..11, 10..20, 12..15, 19..30, 0..30] {
        match db.book(&with_control(booking("b2", minutes.clone()))).await {
            Err(StoreError::ControlTaken(other)) => assert_eq!(other, window(10..20)),
            other => panic!("{minutes:?}: {other:?}"),
        }
    }
    assert_eq!(db.actions().await, before, "what failed left an entry");
}

async fn viewers_overlap(db: Database) {
    let db = db.furnished().await;
    db.book(&booking("b1", 10..20)).await.unwrap();
    db.book(&booking("b2", 10..20)).await.unwrap();
    db.book(&with_control(booking("b3", 10..20))).await.unwrap();
    db.book(&booking("b4", 10..20)).await.unwrap();
    db.add_camera("yard").await;
    let elsewhere = Booking {
        camera: "yard".to_owned(),
        ..with_control(booking("b5", 10..20))
    };
    db.book(&elsewhere).await.unwrap();
}

async fn windows_that_touch_do_not_overlap(db: Database) {
    let db = db.furnished().await;
    db.book(&with_control(booking("b1", 10..20))).await.unwrap();
    db.book(&with_control(booking("b2", 20..30))).await.unwrap();
    db.book(&with_control(booking("b3", 0..10))).await.unwrap();
}

async fn one_that_recurs_is_looked_at_in_every_window(db: Database) {
    let db = db.furnished().await;
    db.book(&with_control(booking("b1", 110..120)))
        .await
        .unwrap();
    let recurring = with_control(booking("b2", 0..20));
    let windows = [window(0..20), window(50..70), window(100..111)];
    let failed = db
        .put_booking(&recurring, &windows, Put::New, &entry("booking.added"))
        .await;
    assert!(
        matches!(failed, Err(StoreError::ControlTaken(other)) if other == window(110..120)),
        "{failed:?}"
    );
    db.put_booking(&recurring, &windows[..2], Put::New, &entry("booking.added"))
        .await
        .unwrap();
    let failed = db.book(&with_control(booking("b3", 60..61))).await;
    assert!(
        matches!(failed, Err(StoreError::ControlTaken(other)) if other == window(50..70)),
        "{failed:?}"
    );
}

async fn a_change_does_not_meet_itself(db: Database) {
    let db = db.furnished().await;
    db.book(&with_control(booking("b1", 10..20))).await.unwrap();
    db.book(&with_control(booking("b2", 30..40))).await.unwrap();
    let moved = with_control(booking("b1", 15..30));
    db.put_booking(
        &moved,
        &[moved.window],
        Put::Existing,
        &entry("booking.changed"),
    )
    .await
    .unwrap();
    let too_far = with_control(booking("b1", 15..31));
    let failed = db
        .put_booking(
            &too_far,
            &[too_far.window],
            Put::Existing,
            &entry("booking.changed"),
        )
        .await;
    assert!(
        matches!(failed, Err(StoreError::ControlTaken(_))),
        "{failed:?}"
    );
    assert_eq!(
        db.booking("b1").await.unwrap(),
        (moved.clone(), vec![moved.window]),
        "half a change"
    );
}

async fn a_booking_that_gains_control_is_looked_at(db: Database) {
    let db = db.furnished().await;
    db.book(&with_control(booking("b1", 10..20))).await.unwrap();
    let other = booking("b2", 15..25);
    db.book(&other).await.unwrap();
    let failed = db
        .put_booking(
            &with_control(other.clone()),
            &[other.window],
            Put::Existing,
            &entry("booking.changed"),
        )
        .await;
    assert!(
        matches!(failed, Err(StoreError::ControlTaken(_))),
        "{failed:?}"
    );
    db.remove_booking("b1", &entry("booking.removed"))
        .await
        .unwrap();
    db.put_booking(
        &with_control(other.clone()),
        &[other.window],
        Put::Existing,
        &entry("booking.changed"),
    )
    .await
    .unwrap();
}

async fn of_twenty_at_once_one_wins(db: Database) {
    let db = db.furnished().await;
    for round in 0..5 {
        let writers = (0..20).map(|number| {
            let store = db.store();
            let booked = with_control(booking(
                &format!("r{round}-{number}"),
                round * 10..round * 10 + 10,
            ));
            tokio::spawn(async move {
                store
                    .put_booking(&booked, &[booked.window], Put::New, &entry("booking.added"))
                    .await
            })
        });
        let (mut won, mut lost) = (0, 0);
        for writer in writers.collect::<Vec<_>>() {
            match writer.await.unwrap() {
                Ok(()) => won += 1,
                Err(StoreError::ControlTaken(other))
                    if other == window(round * 10..round * 10 + 10) =>
                {
                    lost += 1
                }
                Err(other) => panic!("{other}"),
            }
        }
        assert_eq!((won, lost), (1, 19));
    }
}

async fn bookings_that_cross_do_not_hold_each_other_up(db: Database) {
    let db = db.furnished().await;
    db.add_camera("yard").await;
    for id in ["b1", "b2"] {
        db.book(&booking(id, 0..10)).await.unwrap();
    }
    // Each moves to the camera that the other one comes from, again and again.
    let movers = ["b1", "b2"].map(|id| {
        let store = db.store();
        tokio::spawn(async move {
            for turn in 0..20 {
                let cameras = if id == "b1" {
                    ["front", "yard"]
                } else {
                    ["yard", "front"]
                };
                let moved = Booking {
                    camera: cameras[turn % 2].to_owned(),
                    ..booking(id, 0..10)
                };
                store
                    .put_booking(
                        &moved,
                        &[moved.window],
                        Put::Existing,
                        &entry("booking.changed"),
                    )
                    .await?;
            }
            Ok::<_, StoreError>(())
        })
    });
    for mover in movers {
        mover.await.unwrap().unwrap();
    }
}
