// SPDX-License-Identifier: MPL-2.0
//! Users.

use sqlx::{AnyConnection, query, query_as, query_scalar};

use super::logins::end_all;
use super::{changed, self_booking};
use crate::digest::SecretDigest;
use crate::model::User;
use crate::store::rows::role_text;
use crate::store::{Put, Result, StoreError};

pub(super) async fn put(tx: &mut AnyConnection, user: &User, put: Put) -> Result<()> {
    let admins = lock_administrators(tx).await?;
    let sql = match put {
        Put::New => {
            "INSERT INTO users (name, role, password, token, created_ms) VALUES ($1, $2, $3, $4, $5)"
        }
        Put::Existing => {
            "UPDATE users SET role = $2, password = $3, token = $4, created_ms = $5 WHERE name = $1"
        }
    };
    let done = query(sql)
        .bind(&user.name)
        .bind(role_text(user.role))
        .bind(&user.password)
        .bind(user.token.map(|token| token.to_hex()))
        .bind(user.created.as_millisecond())
        .execute(&mut *tx);
    changed(done.await?)?;
    keep_an_administrator(tx, admins).await
}

pub(super) async fn put_anew(
    tx: &mut AnyConnection,
    user: &User,
    save: Option<&SecretDigest>,
) -> Result<()> {
    put(tx, user, Put::Existing).await?;
    end_all(tx, &user.name, save).await
}

pub(super) async fn remove(tx: &mut AnyConnection, name: &str) -> Result<()> {
    let admins = lock_administrators(tx).await?;
    let done = query("DELETE FROM users WHERE name = $1")
        .bind(name)
        .execute(&mut *tx);
    changed(done.await?)?;
    // Whoever has this name next is not the one whom these calls rang.
    let rung = query("DELETE FROM call_recipients WHERE user_name = $1").bind(name);
    rung.execute(&mut *tx).await?;
    self_booking::forget(&mut *tx, None, Some(name)).await?;
    keep_an_administrator(tx, admins).await
}

pub(super) async fn get(tx: &mut AnyConnection, name: &str) -> Result<Option<User>> {
    let user = query_as("SELECT * FROM users WHERE name = $1").bind(name);
    Ok(user.fetch_optional(tx).await?)
}

pub(super) async fn list(tx: &mut AnyConnection) -> Result<Vec<User>> {
    let users = query_as("SELECT * FROM users ORDER BY name");
    Ok(users.fetch_all(tx).await?)
}

/// Makes other changes of users wait until this one is through, and counts the administrators. An update that
/// changes nothing locks its rows in PostgreSQL; SQLite has one writer at a time.
async fn lock_administrators(tx: &mut AnyConnection) -> Result<u64> {
    let locked = query("UPDATE users SET role = role WHERE role = 'administrator'");
    Ok(locked.execute(tx).await?.rows_affected())
}

async fn keep_an_administrator(tx: &mut AnyConnection, before: u64) -> Result<()> {
    let left = query_scalar("SELECT COUNT(*) FROM users WHERE role = 'administrator'");
    let left: i64 = left.fetch_one(tx).await?;
    if before > 0 && left == 0 {
        return Err(StoreError::LastAdministrator);
    }
    Ok(())
}
