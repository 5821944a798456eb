// SPDX-License-Identifier: MPL-2.0
//! Passkeys.

use sqlx::{AnyConnection, query};

use super::logins::end_all;
use super::second_factors::{count, lock_user, put_recovery_codes};
use super::{all, changed};
use crate::digest::SecretDigest;
use crate::model::Passkey;
use crate::store::{Answered, PasskeyKind, Result, StoreError};

/// A user's, the oldest first.
pub(super) async fn list(tx: &mut AnyConnection, user: &str) -> Result<Vec<Passkey>> {
    let sql = "SELECT * FROM passkeys WHERE user_name = $1 ORDER BY created_ms, id";
    all(query(sql).bind(user).fetch_all(tx).await?)
}

pub(super) async fn add(
    tx: &mut AnyConnection,
    passkey: &Passkey,
    kind: PasskeyKind<'_>,
    answered: &Answered,
    save: Option<&SecretDigest>,
) -> Result<()> {
    let user = passkey.user.as_str();
    lock_user(tx, user).await?;
    answer(tx, answered).await?;
    let others = count(tx, user).await?;
    match kind {
        PasskeyKind::First(_) if others > 0 => return Err(StoreError::Exists),
        // What it was to stand beside was taken away meanwhile.
        PasskeyKind::Further if others == 0 => return Err(StoreError::NotFound),
        PasskeyKind::First(recovery) => put_recovery_codes(tx, user, recovery).await?,
        PasskeyKind::Further => (),
    }
    query(
        "INSERT INTO passkeys (id, user_name, name, credential_id, credential, counter, created_ms, used_ms) \
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8)",
    )
    .bind(&passkey.id)
    .bind(user)
    .bind(&passkey.name)
    .bind(&passkey.credential_id)
    .bind(&passkey.credential)
    .bind(i64::from(passkey.counter))
    .bind(passkey.created.as_millisecond())
    .bind(passkey.used.map(|used| used.as_millisecond()))
    .execute(&mut *tx)
    .await?;
    end_all(tx, user, save).await
}

/// A device that counts its signatures counts up: of two that are the same one, the second is too late.
pub(super) async fn take_use(
    tx: &mut AnyConnection,
    passkey: &Passkey,
    answered: &Answered,
) -> Result<()> {
    answer(tx, answered).await?;
    let sql = "UPDATE passkeys SET credential = $3, counter = $4, used_ms = $5 WHERE id = $1 AND user_name = $2 \
               AND (counter < $4 OR (counter = 0 AND $4 = 0))";
    let used = query(sql)
        .bind(&passkey.id)
        .bind(&passkey.user)
        .bind(&passkey.credential)
        .bind(i64::from(passkey.counter))
        .bind(answered.at.as_millisecond());
    changed(used.execute(tx).await?)
}

pub(super) async fn rename(tx: &mut AnyConnection, user: &str, id: &str, name: &str) -> Result<()> {
    let sql = "UPDATE passkeys SET name = $3 WHERE id = $1 AND user_name = $2";
    let renamed = query(sql).bind(id).bind(user).bind(name);
    changed(renamed.execute(tx).await?)
}

pub(super) async fn remove(
    tx: &mut AnyConnection,
    user: &str,
    id: &str,
    keep_one: bool,
    save: Option<&SecretDigest>,
) -> Result<()> {
    lock_user(tx, user).await?;
    let removed = query("DELETE FROM passkeys WHERE id = $1 AND user_name = $2");
    changed(removed.bind(id).bind(user).execute(&mut *tx).await?)?;
    match count(tx, user).await? {
        0 if keep_one => return Err(StoreError::LastSecondFactor),
        // Codes for when it is lost are for nothing then.
        0 => put_recovery_codes(tx, user, &[]).await?,
        _ => (),
    }
    end_all(tx, user, save).await
}

/// [`StoreError::NotFound`] if the challenge was answered before: an answer that somebody kept is worth nothing.
async fn answer(tx: &mut AnyConnection, answered: &Answered) -> Result<()> {
    let over = query("DELETE FROM answered_challenges WHERE until_ms <= $1");
    over.bind(answered.at.as_millisecond())
        .execute(&mut *tx)
        .await?;
    let sql = "INSERT INTO answered_challenges (challenge, until_ms) VALUES ($1, $2) ON CONFLICT DO NOTHING";
    let inserted = query(sql)
        .bind(answered.challenge.to_hex())
        .bind(answered.until.as_millisecond());
    changed(inserted.execute(tx).await?)
}
