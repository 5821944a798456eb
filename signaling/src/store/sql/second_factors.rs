// SPDX-License-Identifier: MPL-2.0
//! Second factors.

use sqlx::{AnyConnection, Row as _, query, query_scalar};

use super::changed;
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
         AND name NOT IN (SELECT user_name FROM second_factors)",
    );
    Ok(users.fetch_all(tx).await?)
}

pub(super) async fn add(tx: &mut AnyConnection, factor: &SecondFactor) -> Result<()> {
    let user = query("SELECT 1 FROM users WHERE name = $1").bind(&factor.user);
    let user = user.fetch_optional(&mut *tx).await?;
    user.ok_or(StoreError::NoSuch("user"))?;
    let sql = "INSERT INTO second_factors (user_name, secret, last_step, created_ms) VALUES ($1, $2, $3, $4)";
    query(sql)
        .bind(&factor.user)
        .bind(&factor.secret)
        .bind(factor.last_step)
        .bind(factor.created.as_millisecond())
        .execute(&mut *tx)
        .await?;
    for code in &factor.recovery {
        query("INSERT INTO recovery_codes (user_name, code) VALUES ($1, $2)")
            .bind(&factor.user)
            .bind(code.to_hex())
            .execute(&mut *tx)
            .await?;
    }
    end_logins(tx, &factor.user).await
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

pub(super) async fn remove(tx: &mut AnyConnection, user: &str) -> Result<()> {
    let removed = query("DELETE FROM second_factors WHERE user_name = $1").bind(user);
    changed(removed.execute(&mut *tx).await?)?;
    end_logins(tx, user).await
}

pub(super) async fn end_logins(tx: &mut AnyConnection, user: &str) -> Result<()> {
    let ended = query("DELETE FROM logins WHERE user_name = $1").bind(user);
    ended.execute(tx).await?;
    Ok(())
}
