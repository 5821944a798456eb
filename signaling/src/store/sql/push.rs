// SPDX-License-Identifier: MPL-2.0
//! Browsers that want to be told of calls.

use sqlx::{AnyConnection, query};

use super::{all, changed};
use crate::digest::SecretDigest;
use crate::model::PushSubscription;
use crate::store::{Result, StoreError};

/// A user's, the oldest first.
pub(super) async fn list(tx: &mut AnyConnection, user: &str) -> Result<Vec<PushSubscription>> {
    let sql = "SELECT * FROM push_subscriptions WHERE user_name = $1 ORDER BY created_ms, id";
    all(query(sql).bind(user).fetch_all(tx).await?)
}

pub(super) async fn put(
    tx: &mut AnyConnection,
    subscription: &PushSubscription,
    keep: u32,
) -> Result<()> {
    let user = &subscription.user;
    // An update that changes nothing makes others of this user wait in PostgreSQL, so that none of them counts wrong.
    let locked = query("UPDATE users SET name = name WHERE name = $1").bind(user);
    if locked.execute(&mut *tx).await?.rows_affected() == 0 {
        return Err(StoreError::NoSuch("user"));
    }
    query(
        "INSERT INTO push_subscriptions (id, user_name, endpoint, p256dh, auth, created_ms) VALUES ($1, $2, $3, $4, $5, $6) \
         ON CONFLICT (id) DO UPDATE SET user_name = excluded.user_name, p256dh = excluded.p256dh, auth = excluded.auth, \
         created_ms = excluded.created_ms",
    )
    .bind(subscription.id().to_hex())
    .bind(user)
    .bind(&subscription.endpoint)
    .bind(&subscription.p256dh)
    .bind(&subscription.auth)
    .bind(subscription.created.as_millisecond())
    .execute(&mut *tx)
    .await?;
    let surplus = query(
        "DELETE FROM push_subscriptions WHERE user_name = $1 AND id NOT IN \
         (SELECT id FROM push_subscriptions WHERE user_name = $1 ORDER BY created_ms DESC, id DESC LIMIT $2)",
    );
    surplus.bind(user).bind(i64::from(keep)).execute(tx).await?;
    Ok(())
}

pub(super) async fn remove(
    tx: &mut AnyConnection,
    user: &str,
    endpoint: &SecretDigest,
) -> Result<()> {
    let removed = query("DELETE FROM push_subscriptions WHERE id = $1 AND user_name = $2");
    let removed = removed.bind(endpoint.to_hex()).bind(user);
    changed(removed.execute(tx).await?)
}

/// All of a user's.
pub(super) async fn remove_all(tx: &mut AnyConnection, user: &str) -> Result<()> {
    let removed = query("DELETE FROM push_subscriptions WHERE user_name = $1").bind(user);
    removed.execute(tx).await?;
    Ok(())
}
