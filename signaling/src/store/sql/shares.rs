// SPDX-License-Identifier: MPL-2.0
//! Share links.

use jiff::Timestamp;
use sqlx::{AnyConnection, query, query_as};

use super::{changed, logins};
use crate::digest::SecretDigest;
use crate::model::{Login, Share};
use crate::store::rows::perms_text;
use crate::store::{Put, Result, StoreError};

pub(super) async fn put(tx: &mut AnyConnection, share: &Share, put: Put) -> Result<()> {
    let camera = query("SELECT 1 FROM cameras WHERE id = $1").bind(&share.camera);
    let camera = camera.fetch_optional(&mut *tx).await?;
    camera.ok_or(StoreError::NoSuch("camera"))?;
    let ended = query(
        "DELETE FROM logins WHERE share IN (SELECT id FROM shares WHERE id = $1 AND secret <> $2)",
    );
    let ended = ended.bind(&share.id).bind(share.secret.to_hex());
    ended.execute(&mut *tx).await?;
    let sql = match put {
        Put::New => {
            "INSERT INTO shares (id, camera, secret, start_ms, end_ms, perms, max_uses, uses, note, created_ms, saving) \
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)"
        }
        // The uses of the same secret are counted here, and may be more than the caller knows.
        Put::Existing => {
            "UPDATE shares SET camera = $2, uses = CASE WHEN secret = $3 THEN uses ELSE $8 END, secret = $3, \
             start_ms = $4, end_ms = $5, perms = $6, max_uses = $7, note = $9, created_ms = $10, saving = $11 WHERE id = $1"
        }
    };
    let done = query(sql)
        .bind(&share.id)
        .bind(&share.camera)
        .bind(share.secret.to_hex())
        .bind(share.window.start.as_millisecond())
        .bind(share.window.end.as_millisecond())
        .bind(perms_text(&share.perms))
        .bind(i64::from(share.max_uses))
        .bind(i64::from(share.uses))
        .bind(&share.note)
        .bind(share.created.as_millisecond())
        .bind(i64::from(share.saving))
        .execute(tx);
    changed(done.await?)
}

pub(super) async fn remove(tx: &mut AnyConnection, id: &str) -> Result<()> {
    let change = query("DELETE FROM shares WHERE id = $1").bind(id);
    changed(change.execute(tx).await?)
}

pub(super) async fn get(tx: &mut AnyConnection, id: &str) -> Result<Option<Share>> {
    let share = query_as("SELECT * FROM shares WHERE id = $1").bind(id);
    Ok(share.fetch_optional(tx).await?)
}

pub(super) async fn list(tx: &mut AnyConnection, from: Timestamp) -> Result<Vec<Share>> {
    let shares =
        query_as("SELECT * FROM shares WHERE end_ms > $1 ORDER BY created_ms DESC, id DESC");
    Ok(shares.bind(from.as_millisecond()).fetch_all(tx).await?)
}

/// One statement looks whether there is a use left and takes it.
pub(super) async fn take_use(
    tx: &mut AnyConnection,
    secret: &SecretDigest,
    login: &Login,
    now: Timestamp,
) -> Result<Share> {
    let secret = secret.to_hex();
    let take = query(
        "UPDATE shares SET uses = uses + 1 \
         WHERE secret = $1 AND uses < max_uses AND start_ms <= $2 AND $2 < end_ms",
    );
    let take = take.bind(&secret).bind(now.as_millisecond());
    let taken = take.execute(&mut *tx).await?.rows_affected() > 0;
    let share = query_as("SELECT * FROM shares WHERE secret = $1").bind(&secret);
    let share = share.fetch_optional(&mut *tx).await?;
    let share = share.ok_or(StoreError::NotFound)?;
    if !taken {
        return Err(StoreError::Spent);
    }
    logins::add(tx, login, now).await?;
    Ok(share)
}

pub(super) async fn forget(tx: &mut AnyConnection, before: Timestamp, at_most: u32) -> Result<u64> {
    let old = query(
        "DELETE FROM shares WHERE id IN (SELECT id FROM shares WHERE end_ms < $1 ORDER BY end_ms LIMIT $2)",
    );
    let old = old.bind(before.as_millisecond()).bind(i64::from(at_most));
    Ok(old.execute(tx).await?.rows_affected())
}
