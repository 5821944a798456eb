// SPDX-License-Identifier: MPL-2.0
//! Cameras.

use jiff::Timestamp;
use sqlx::{AnyConnection, query, query_as};

use super::{changed, self_booking};
use crate::model::Camera;
use crate::store::{Put, Result};

pub(super) async fn put(tx: &mut AnyConnection, camera: &Camera, put: Put) -> Result<()> {
    let (id, name, secret) = (&camera.id, &camera.name, camera.secret.to_hex());
    let change = match put {
        Put::New => {
            let seen = camera.last_seen.map(Timestamp::as_millisecond);
            query("INSERT INTO cameras (id, name, secret, created_ms, last_seen_ms) VALUES ($1, $2, $3, $4, $5)")
                .bind(id)
                .bind(name)
                .bind(secret)
                .bind(camera.created.as_millisecond())
                .bind(seen)
        }
        // When it was last connected is noted elsewhere, and may be later here than the caller knows.
        Put::Existing => query("UPDATE cameras SET name = $2, secret = $3 WHERE id = $1")
            .bind(id)
            .bind(name)
            .bind(secret),
    };
    changed(change.execute(tx).await?)
}

pub(super) async fn remove(tx: &mut AnyConnection, id: &str) -> Result<()> {
    let change = query("DELETE FROM cameras WHERE id = $1").bind(id);
    changed(change.execute(&mut *tx).await?)?;
    self_booking::forget(tx, Some(id), None).await
}

pub(super) async fn next_fence(tx: &mut AnyConnection, id: &str) -> Result<u64> {
    let next = query_as(
        "INSERT INTO camera_fences (camera, fence) VALUES ($1, 1) \
         ON CONFLICT (camera) DO UPDATE SET fence = camera_fences.fence + 1 RETURNING fence",
    );
    let (fence,): (i64,) = next.bind(id).fetch_one(tx).await?;
    Ok(fence.unsigned_abs())
}

pub(super) async fn get(tx: &mut AnyConnection, id: &str) -> Result<Option<Camera>> {
    let camera = query_as("SELECT * FROM cameras WHERE id = $1").bind(id);
    Ok(camera.fetch_optional(tx).await?)
}

pub(super) async fn list(tx: &mut AnyConnection) -> Result<Vec<Camera>> {
    let cameras = query_as("SELECT * FROM cameras ORDER BY id");
    Ok(cameras.fetch_all(tx).await?)
}

pub(super) async fn seen(tx: &mut AnyConnection, seen: &[(String, Timestamp)]) -> Result<()> {
    for (id, at) in seen {
        query(
            "UPDATE cameras SET last_seen_ms = $2 \
             WHERE id = $1 AND (last_seen_ms IS NULL OR last_seen_ms < $2)",
        )
        .bind(id)
        .bind(at.as_millisecond())
        .execute(&mut *tx)
        .await?;
    }
    Ok(())
}
