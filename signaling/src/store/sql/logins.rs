// SPDX-License-Identifier: MPL-2.0
//! Log-ins.

use jiff::Timestamp;
use sqlx::{AnyConnection, query, query_as};

use super::{changed, push};
use crate::digest::SecretDigest;
use crate::model::{Holder, Login};
use crate::store::{Result, StoreError};

pub(super) async fn add(tx: &mut AnyConnection, login: &Login, now: Timestamp) -> Result<()> {
    let over = query("DELETE FROM logins WHERE until_ms <= $1").bind(now.as_millisecond());
    over.execute(&mut *tx).await?;
    let (user, share) = match &login.holder {
        Holder::User(user) => (Some(user), None),
        Holder::Share(share) => (None, Some(share)),
    };
    let holder =
        query("SELECT 1 FROM users WHERE name = $1 UNION ALL SELECT 1 FROM shares WHERE id = $2");
    let holder = holder.bind(user).bind(share).fetch_optional(&mut *tx);
    let missing = if user.is_some() { "user" } else { "share link" };
    holder.await?.ok_or(StoreError::NoSuch(missing))?;
    query("INSERT INTO logins (cookie, user_name, share, created_ms, until_ms) VALUES ($1, $2, $3, $4, $5)")
        .bind(login.cookie.to_hex())
        .bind(user)
        .bind(share)
        .bind(login.created.as_millisecond())
        .bind(login.until.as_millisecond())
        .execute(tx)
        .await?;
    Ok(())
}

/// Someone's that are not over.
pub(super) async fn of(
    tx: &mut AnyConnection,
    holder: &Holder,
    now: Timestamp,
) -> Result<Vec<Login>> {
    let (sql, key) = match holder {
        Holder::User(name) => (
            "SELECT * FROM logins WHERE user_name = $1 AND until_ms > $2",
            name,
        ),
        Holder::Share(id) => (
            "SELECT * FROM logins WHERE share = $1 AND until_ms > $2",
            id,
        ),
    };
    let logins = query_as(sql).bind(key).bind(now.as_millisecond());
    Ok(logins.fetch_all(tx).await?)
}

pub(super) async fn list(tx: &mut AnyConnection, now: Timestamp) -> Result<Vec<Login>> {
    let logins = query_as("SELECT * FROM logins WHERE until_ms > $1").bind(now.as_millisecond());
    Ok(logins.fetch_all(tx).await?)
}

pub(super) async fn rotate(tx: &mut AnyConnection, old: &SecretDigest, new: &Login) -> Result<()> {
    let change = query("UPDATE logins SET cookie = $2, until_ms = $3 WHERE cookie = $1")
        .bind(old.to_hex())
        .bind(new.cookie.to_hex())
        .bind(new.until.as_millisecond());
    changed(change.execute(tx).await?)
}

/// Those that are gone already are what was asked for.
pub(super) async fn remove(tx: &mut AnyConnection, cookies: &[SecretDigest]) -> Result<()> {
    for cookie in cookies {
        let change = query("DELETE FROM logins WHERE cookie = $1").bind(cookie.to_hex());
        change.execute(&mut *tx).await?;
    }
    Ok(())
}

/// Ends a user's, save that of one cookie.
pub(super) async fn end_all(
    tx: &mut AnyConnection,
    user: &str,
    save: Option<&SecretDigest>,
) -> Result<()> {
    // No cookie's digest is the empty text.
    let save = save.map(SecretDigest::to_hex).unwrap_or_default();
    let ended = query("DELETE FROM logins WHERE user_name = $1 AND cookie <> $2");
    ended.bind(user).bind(save).execute(&mut *tx).await?;
    // Which browser each is of is not known, and what they are told opens doors. The page of one that stays says it again.
    push::remove_all(tx, user).await
}
