// SPDX-License-Identifier: MPL-2.0
//! Many things at once, or none of them.

use porthole_signaling::model::Role;
use porthole_signaling::store::{Batch, Item, StoreError};

use crate::database::*;

on_both! {
    all_of_it_is_added_with_what_is_said_of_it
    one_that_is_refused_keeps_out_all_and_is_named
}

fn batch() -> Batch {
    let booked = |id: &str, minutes| {
        let booking = with_control(booking(id, minutes));
        let window = booking.window;
        (booking, vec![window])
    };
    Batch {
        users: vec![user("anna", Role::Viewer), user("otto", Role::Viewer)],
        cameras: vec![camera("front")],
        bookings: vec![booked("b1", 0..10), booked("b2", 10..20)],
    }
}

async fn all_of_it_is_added_with_what_is_said_of_it(db: Database) {
    db.add_user("root", Role::Administrator).await;
    let entries = [entry("user.added"), entry("camera.added")];
    db.import(&batch(), false, &entries).await.unwrap();
    let found = db.snapshot(at(0)).await.unwrap();
    assert_eq!(
        (found.users.len(), found.cameras.len()),
        (1, 0),
        "it was only tried"
    );
    assert_eq!(db.actions().await.len(), 1);
    db.import(&batch(), true, &entries).await.unwrap();
    let found = db.snapshot(at(0)).await.unwrap();
    let counts = (found.users.len(), found.cameras.len(), found.bookings.len());
    assert_eq!((counts, db.actions().await.len()), ((3, 1, 2), 3));
}

async fn one_that_is_refused_keeps_out_all_and_is_named(db: Database) {
    db.add_user("root", Role::Administrator).await;
    let mut clash = batch();
    clash.bookings[1].0.window = window(5..15);
    clash.bookings[1].1 = vec![window(5..15)];
    let mut twice = batch();
    twice.users.push(user("anna", Role::Viewer));
    for (keep, batch, row) in [
        (true, clash.clone(), Item::Booking(1)),
        (false, clash, Item::Booking(1)),
        (true, twice, Item::User(2)),
    ] {
        let refused = db.import(&batch, keep, &[entry("user.added")]).await;
        let (at_row, error) = refused.unwrap_err();
        assert_eq!(at_row, row, "{error}");
        assert!(
            matches!(error, StoreError::ControlTaken(_) | StoreError::Exists),
            "{error}"
        );
        let found = db.snapshot(at(0)).await.unwrap();
        assert_eq!((found.users.len(), found.cameras.len()), (1, 0));
        assert_eq!(db.actions().await.len(), 1);
    }
}
