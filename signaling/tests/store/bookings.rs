// SPDX-License-Identifier: MPL-2.0
//! Bookings, their windows, and questions about them.

use porthole_signaling::model::{Booking, Recurrence, Role, Window};
use porthole_signaling::store::{BookingFilter, MAX_WINDOWS, Put, StoreError};

use crate::database::*;

on_both! {
    what_is_searched_for_is_in_the_note_the_user_or_the_camera
    a_booking_is_read_as_it_was_put
    a_change_replaces_the_windows
    a_booking_needs_its_camera_its_user_and_a_window
    a_snapshot_has_what_is_not_over
    the_most_windows_fit
    the_calendar_has_the_earliest_windows
    a_filter_leaves_what_it_says
    pages_follow_each_other
    what_is_over_is_forgotten
}

/// Every day of a week.
fn week() -> (Booking, Vec<Window>) {
    let windows = (0..7)
        .map(|day| window(day * 1440..day * 1440 + 60))
        .collect();
    let booking = Booking {
        recurrence: Some(Recurrence {
            rule: "FREQ=DAILY;COUNT=7".to_owned(),
            zone: "Europe/Berlin".to_owned(),
        }),
        saving: false,
        note: "line 1\nline 2 – \"ü\"".to_owned(),
        ..booking("week", 0..60)
    };
    (booking, windows)
}

async fn put_week(db: &Database) {
    let (booking, windows) = week();
    db.put_booking(&booking, &windows, Put::New, &entry("booking.added"))
        .await
        .unwrap();
}

async fn a_booking_is_read_as_it_was_put(db: Database) {
    let db = db.furnished().await;
    put_week(&db).await;
    assert_eq!(db.booking("week").await.unwrap(), week());
    let missing = db.booking("other").await;
    assert!(matches!(missing, Err(StoreError::NotFound)), "{missing:?}");
}

async fn a_change_replaces_the_windows(db: Database) {
    let db = db.furnished().await;
    put_week(&db).await;
    let once = booking("week", 30..90);
    db.put_booking(
        &once,
        &[once.window],
        Put::Existing,
        &entry("booking.changed"),
    )
    .await
    .unwrap();
    assert_eq!(
        db.booking("week").await.unwrap(),
        (once.clone(), vec![once.window])
    );
    db.remove_booking("week", &entry("booking.removed"))
        .await
        .unwrap();
    let gone = db.remove_booking("week", &entry("refused")).await;
    assert!(matches!(gone, Err(StoreError::NotFound)), "{gone:?}");
    assert!(!db.actions().await.contains(&"refused".to_owned()));
}

async fn a_booking_needs_its_camera_its_user_and_a_window(db: Database) {
    let db = db.furnished().await;
    let of = |camera: &str, user: &str| Booking {
        camera: camera.to_owned(),
        user: user.to_owned(),
        ..booking("b1", 0..60)
    };
    let failed = db.book(&of("yard", "anna")).await;
    assert!(
        matches!(failed, Err(StoreError::NoSuch("camera"))),
        "{failed:?}"
    );
    let failed = db.book(&of("front", "otto")).await;
    assert!(
        matches!(failed, Err(StoreError::NoSuch("user"))),
        "{failed:?}"
    );
    let failed = db
        .put_booking(&booking("b1", 0..60), &[], Put::New, &entry("refused"))
        .await;
    assert!(matches!(failed, Err(StoreError::Windows)), "{failed:?}");
    let failed = db.book(&booking("b1", 60..60)).await;
    assert!(matches!(failed, Err(StoreError::Database(_))), "{failed:?}");
    let booked = booking("b1", 0..60);
    let failed = db
        .put_booking(&booked, &[booked.window], Put::Existing, &entry("refused"))
        .await;
    assert!(matches!(failed, Err(StoreError::NotFound)), "{failed:?}");
    assert!(
        db.bookings(&BookingFilter::default())
            .await
            .unwrap()
            .is_empty()
    );
    assert_eq!(
        db.actions().await,
        ["camera.added", "user.added", "user.added"]
    );
}

async fn a_snapshot_has_what_is_not_over(db: Database) {
    let db = db.furnished().await;
    put_week(&db).await;
    db.book(&booking("early", 0..60)).await.unwrap();
    db.book(&booking("late", 1440..1500)).await.unwrap();
    // The end is exclusive: at that moment it is over.
    let mut kept = db.snapshot(at(60)).await.unwrap().bookings;
    kept.sort_by(|(a, _), (b, _)| a.id.cmp(&b.id));
    let late = booking("late", 1440..1500);
    let (week, windows) = week();
    let (late_end, week_end) = (late.window.end, windows[6].end);
    assert_eq!(kept, [(late, late_end), (week, week_end)]);
    let kept = db.snapshot(at(59)).await.unwrap().bookings;
    assert_eq!(kept.len(), 3);
    assert!(db.snapshot(at(10_000)).await.unwrap().bookings.is_empty());
}

async fn the_calendar_has_the_earliest_windows(db: Database) {
    let db = db.furnished().await;
    // The booking that was made first has the latest windows.
    let late = booking("a", 1000..1010);
    let windows: Vec<_> = (0..50)
        .map(|n| window(1000 + 20 * n..1010 + 20 * n))
        .collect();
    db.put_booking(&late, &windows, Put::New, &entry("booking.added"))
        .await
        .unwrap();
    db.book(&booking("b", 500..510)).await.unwrap();
    db.book(&booking("c", 0..2000)).await.unwrap();
    let filter = BookingFilter {
        from: Some(at(400)),
        to: Some(at(5000)),
        ..BookingFilter::default()
    };
    let found = db.calendar(&filter, 4).await.unwrap();
    let found: Vec<_> = found
        .iter()
        .map(|(booking, window)| (&*booking.id, *window))
        .collect();
    let expected = [
        ("c", window(0..2000)),
        ("b", window(500..510)),
        ("a", windows[0]),
        ("a", windows[1]),
    ];
    assert_eq!(found, expected);
    let nobody = BookingFilter {
        user: Some("root".to_owned()),
        ..filter
    };
    assert!(db.calendar(&nobody, 4).await.unwrap().is_empty());
}

async fn the_most_windows_fit(db: Database) {
    let db = db.furnished().await;
    let many: Vec<_> = (0..=MAX_WINDOWS as i64)
        .map(|hour| window(hour * 60..hour * 60 + 30))
        .collect();
    let booked = with_control(booking("b1", 0..30));
    let failed = db
        .put_booking(&booked, &many, Put::New, &entry("refused"))
        .await;
    assert!(matches!(failed, Err(StoreError::Windows)), "{failed:?}");
    let many = &many[1..];
    db.put_booking(&booked, many, Put::New, &entry("booking.added"))
        .await
        .unwrap();
    assert_eq!(db.booking("b1").await.unwrap().1, many);
}

async fn a_filter_leaves_what_it_says(db: Database) {
    let db = db.furnished().await;
    db.add_camera("yard").await;
    db.add_user("otto", Role::Viewer).await;
    put_week(&db).await;
    let of = |id: &str, camera: &str, user: &str| Booking {
        camera: camera.to_owned(),
        user: user.to_owned(),
        ..booking(id, 100..200)
    };
    db.book(&of("a", "yard", "anna")).await.unwrap();
    db.book(&of("b", "front", "otto")).await.unwrap();
    let ids = async |filter: BookingFilter| -> Vec<String> {
        let found = db.bookings(&filter).await.unwrap();
        assert!(found.iter().all(|(_, windows)| !windows.is_empty()));
        found.into_iter().map(|(booking, _)| booking.id).collect()
    };
    let all = BookingFilter::default();
    let camera = |id: &str| BookingFilter {
        camera: Some(id.to_owned()),
        ..BookingFilter::default()
    };
    let user = |name: &str| BookingFilter {
        user: Some(name.to_owned()),
        ..BookingFilter::default()
    };
    let times = |from: i64, to: i64| BookingFilter {
        from: Some(at(from)),
        to: Some(at(to)),
        ..BookingFilter::default()
    };
    assert_eq!(ids(all).await, ["a", "b", "week"]);
    assert_eq!(ids(camera("yard")).await, ["a"]);
    assert_eq!(ids(user("anna")).await, ["a", "week"]);
    assert_eq!(
        ids(BookingFilter {
            user: Some("otto".to_owned()),
            ..camera("yard")
        })
        .await,
        [""; 0]
    );
    assert_eq!(ids(times(60, 100)).await, [""; 0], "between windows");
    assert_eq!(ids(times(59, 101)).await, ["a", "b", "week"]);
    let tuesday = db.bookings(&times(1400, 1600)).await.unwrap();
    assert_eq!(tuesday, [(week().0, vec![window(1440..1500)])]);
}

async fn what_is_searched_for_is_in_the_note_the_user_or_the_camera(db: Database) {
    let db = db.furnished().await;
    db.add_user("otto", Role::Viewer).await;
    let with = |id: &str, user: &str, note: &str| Booking {
        user: user.to_owned(),
        note: note.to_owned(),
        ..booking(id, 0..60)
    };
    db.book(&with("a", "anna", "The Boiler, 50%"))
        .await
        .unwrap();
    db.book(&with("b", "otto", "")).await.unwrap();
    let found = async |search: &str, limit: u32| -> Vec<String> {
        let filter = BookingFilter {
            search: Some(search.to_owned()),
            limit,
            ..BookingFilter::default()
        };
        let windows = db.calendar(&filter, 10).await.unwrap();
        let found = db.bookings(&filter).await.unwrap();
        assert!(found.iter().all(|(_, windows)| windows.len() == 1));
        let ids: Vec<_> = found.into_iter().map(|(booking, _)| booking.id).collect();
        assert!(limit > 0 || windows.len() == ids.len(), "{search}");
        ids
    };
    for (search, ids) in [
        ("boiler", &["a"][..]),
        ("OTTO", &["b"]),
        ("Front", &["a", "b"]),
        ("50%", &["a"]),
        ("5%0", &[]),
        ("_", &[]),
        ("nobody", &[]),
    ] {
        assert_eq!(found(search, 0).await, ids, "{search}");
    }
    assert_eq!(found("front", 1).await, ["a"]);
}

async fn pages_follow_each_other(db: Database) {
    let db = db.furnished().await;
    for number in 0..25 {
        db.book(&booking(&format!("b{number:02}"), number..number + 1))
            .await
            .unwrap();
    }
    let (mut seen, mut after) = (Vec::new(), None);
    loop {
        let filter = BookingFilter {
            after: after.clone(),
            limit: 10,
            ..BookingFilter::default()
        };
        let page = db.bookings(&filter).await.unwrap();
        let Some((last, _)) = page.last() else { break };
        assert!(page.len() <= 10);
        after = Some(last.id.clone());
        seen.extend(page.into_iter().map(|(booking, _)| booking.id));
    }
    let all: Vec<_> = (0..25).map(|number| format!("b{number:02}")).collect();
    assert_eq!(seen, all);
}

async fn what_is_over_is_forgotten(db: Database) {
    let db = db.furnished().await;
    for number in 0..5 {
        db.book(&booking(&format!("b{number}"), number..number + 1))
            .await
            .unwrap();
    }
    put_week(&db).await;
    db.put_share(&share("s1", 0..3), Put::New, &entry("share.added"))
        .await
        .unwrap();
    let mut late = entry("session.started");
    late.at = at(10);
    db.log(&[late]).await.unwrap();
    // Ten entries from before, four bookings, one link; no more than three of each at a time.
    let mut gone = Vec::new();
    while let forgotten @ 1.. = db.forget(at(5), 3).await.unwrap() {
        gone.push(forgotten);
    }
    assert_eq!(gone, [7, 4, 3, 1]);
    assert_eq!(db.actions().await, ["session.started"]);
    let kept = db.bookings(&BookingFilter::default()).await.unwrap();
    let ids: Vec<_> = kept.iter().map(|(booking, _)| &*booking.id).collect();
    assert_eq!(ids, ["b4", "week"]);
    assert!(db.shares(at(0)).await.unwrap().is_empty());
}
