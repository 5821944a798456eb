// SPDX-License-Identifier: MPL-2.0
//! Second factors.

use sqlx::{AnyConnection, Row as _, query, query_scalar};

use super::changed;
use super::logins::end_all;
use crate::digest::SecretDigest;
use crate::model::SecondFactor;
use crate::store::rows::{read, time};
use crate::store::{Result, StoreError};

pub(super) async fn get(tx: &mut AnyConnection, user: &str) -> Result<Option<SecondFactor>> {
    let row = query("SELECT * FROM second_factors WHERE user_name = $1").bind(user);
    let Some(row) = row.fetch_optional(&mut *tx).await? else {
        return Ok(None);
    };
    let codes = query("SELECT code FROM recovery_codes WHERE user_name = $1").bind(user);
    let codes = codes.fetch_all(tx).await?;
    let codes = codes
        .iter()
        .map(|row| read(row, "code", SecretDigest::from_hex));
    Ok(Some(SecondFactor {
        user: user.to_owned(),
        secret: row.try_get("secret")?,
        last_step: row.try_get("last_step")?,
        recovery: codes.collect::<sqlx::Result<_>>()?,
        created: time(&row, "created_ms")?,
    }))
}

/// The administrators who have none, and are logged in.
pub(super) async fn without(tx: &mut AnyConnection) -> Result<Vec<String>> {
    let users = query_scalar(
        "SELECT name FROM users WHERE role = 'administrator' AND name IN (SELECT user_name FROM logins) \
         AND name NOT IN (SELECT user_name FROM second_factors) \
         AND name NOT IN (SELECT user_name FROM passkeys)",
    );
    Ok(users.fetch_all(tx).await?)
}

pub(super) async fn add(tx: &mut AnyConnection, factor: &SecondFactor) -> Result<()> {
    lock_user(tx, &factor.user).await?;
    // It is the first one, or none: who has any shows that before there is another.
    if count(tx, &factor.user).await? > 0 {
        return Err(StoreError::Exists);
    }
    let sql = "INSERT INTO second_factors (user_name, secret, last_step, created_ms) VALUES ($1, $2, $3, $4)";
    query(sql)
        .bind(&factor.user)
        .bind(&factor.secret)
        .bind(factor.last_step)
        .bind(factor.created.as_millisecond())
        .execute(&mut *tx)
        .await?;
    put_recovery_codes(tx, &factor.user, &factor.recovery).await?;
    end_all(tx, &factor.user, None).await
}

/// In the place of those that there were.
pub(super) async fn put_recovery_codes(
    tx: &mut AnyConnection,
    user: &str,
    codes: &[SecretDigest],
) -> Result<()> {
    let before = query("DELETE FROM recovery_codes WHERE user_name = $1").bind(user);
    before.execute(&mut *tx).await?;
    for code in codes {
        query("INSERT INTO recovery_codes (user_name, code) VALUES ($1, $2)")
            .bind(user)
            .bind(code.to_hex())
            .execute(&mut *tx)
            .await?;
    }
    Ok(())
}

/// In one statement, so that of two who show the same code one is too late.
pub(super) async fn use_code(tx: &mut AnyConnection, user: &str, step: i64) -> Result<()> {
    let sql = "UPDATE second_factors SET last_step = $2 WHERE user_name = $1 AND last_step < $2";
    changed(query(sql).bind(user).bind(step).execute(tx).await?)
}

pub(super) async fn use_recovery(
    tx: &mut AnyConnection,
    user: &str,
    code: &SecretDigest,
) -> Result<()> {
    let used = query("DELETE FROM recovery_codes WHERE user_name = $1 AND code = $2");
    changed(used.bind(user).bind(code.to_hex()).execute(tx).await?)
}

/// All that a user has of them: codes of an app, passkeys and recovery codes.
pub(super) async fn remove(tx: &mut AnyConnection, user: &str) -> Result<()> {
    lock_user(tx, user).await?;
    if count(tx, user).await? == 0 {
        return Err(StoreError::NotFound);
    }
    for sql in [
        "DELETE FROM second_factors WHERE user_name = $1",
        "DELETE FROM passkeys WHERE user_name = $1",
    ] {
        query(sql).bind(user).execute(&mut *tx).await?;
    }
    put_recovery_codes(tx, user, &[]).await?;
    end_all(tx, user, None).await
}

/// Makes other changes of what a user shows wait until this one is through: of two that add the first, one is too late.
pub(super) async fn lock_user(tx: &mut AnyConnection, user: &str) -> Result<()> {
    let locked = query("UPDATE users SET role = role WHERE name = $1").bind(user);
    match locked.execute(tx).await?.rows_affected() {
        0 => Err(StoreError::NoSuch("user")),
        _ => Ok(()),
    }
}

/// How many second factors a user has, of any kind.
pub(super) async fn count(tx: &mut AnyConnection, user: &str) -> Result<i64> {
    let sql = "SELECT (SELECT COUNT(*) FROM passkeys WHERE user_name = $1) \
               + (SELECT COUNT(*) FROM second_factors WHERE user_name = $1)";
    Ok(query_scalar(sql).bind(user).fetch_one(tx).await?)
}
