// SPDX-License-Identifier: MPL-2.0
//! Many things at once, or none of them.

use std::sync::Mutex;

use sqlx::AnyConnection;

use super::{Sql, bookings, cameras, of_booking, of_camera, of_user, users};
use crate::lock::lock;
use crate::store::{Batch, Item, Put, Result, StoreError};

/// Adds all of it, and tells others. What it came to last is in `at`.
pub(super) async fn put_all(
    store: &Sql,
    tx: &mut AnyConnection,
    batch: &Batch,
    keep: bool,
    at: &Mutex<Item>,
) -> Result<()> {
    for (n, user) in batch.users.iter().enumerate() {
        *lock(at) = Item::User(n);
        users::put(tx, user, Put::New).await?;
        store.tell(tx, of_user(&user.name)).await?;
    }
    for (n, camera) in batch.cameras.iter().enumerate() {
        *lock(at) = Item::Camera(n);
        cameras::put(tx, camera, Put::New).await?;
        store.tell(tx, of_camera(&camera.id)).await?;
    }
    for (n, (booking, windows)) in batch.bookings.iter().enumerate() {
        *lock(at) = Item::Booking(n);
        bookings::put(tx, booking, windows, Put::New).await?;
        store.tell(tx, of_booking(&booking.id)).await?;
    }
    match keep {
        true => Ok(()),
        false => Err(StoreError::NotKept),
    }
}
