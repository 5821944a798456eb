// SPDX-License-Identifier: MPL-2.0
//! Calls that are given up, as when a browser goes away, and others that write to the same database.

use std::future::poll_fn;
use std::pin::pin;
use std::task::Poll;

use porthole_signaling::store::{AuditFilter, BookingFilter, Put, open};

use crate::database::*;

on_both! {
    a_call_that_is_given_up_leaves_nothing_half_done
    two_programs_write_to_one_database
}

/// How often a call is woken before it is given up: from not at all to more than it takes.
const POLLS: u32 = 60;

async fn a_call_that_is_given_up_leaves_nothing_half_done(db: Database) {
    let db = db.furnished().await;
    for polls in 0..POLLS {
        let booked = with_control(booking(&format!("b{polls:02}"), 0..10));
        let mut call = pin!(db.book(&booked));
        let mut left = polls;
        poll_fn(|context| {
            let done = call.as_mut().poll(context).is_ready() || left == 0;
            left = left.saturating_sub(1);
            if done { Poll::Ready(()) } else { Poll::Pending }
        })
        .await;
    }
    // The first that came through has control, and those after it were refused.
    let after = with_control(booking("after", 10..20));
    db.book(&after).await.unwrap();
    let bookings = db.bookings(&BookingFilter::default()).await.unwrap();
    assert_eq!(bookings.len(), 2, "{bookings:?}");
    assert!(
        bookings
            .iter()
            .all(|(booking, windows)| windows[..] == [booking.window])
    );
    let actions = db.actions().await;
    let entries = actions.iter().filter(|action| *action == "booking.added");
    assert_eq!(entries.count(), bookings.len());
}

async fn two_programs_write_to_one_database(db: Database) {
    const EACH: i64 = 50;
    let db = db.furnished().await;
    let other = open(&db.place).await.unwrap();
    let writers = [(0, db.store()), (1, other)].map(|(program, store)| {
        tokio::spawn(async move {
            for number in 0..EACH {
                let minute = 2 * number + program;
                let booked =
                    with_control(booking(&format!("p{program}-{number}"), minute..minute + 1));
                let entry = entry("booking.added");
                store
                    .put_booking(&booked, &[booked.window], Put::New, &entry)
                    .await
                    .unwrap();
            }
        })
    });
    for writer in writers {
        writer.await.unwrap();
    }
    assert_eq!(
        db.snapshot(at(0)).await.unwrap().bookings.len(),
        2 * EACH as usize
    );
    let entries = db.audit(&AuditFilter::default()).await.unwrap();
    assert_eq!(entries.len(), 2 * EACH as usize + 3);
}
