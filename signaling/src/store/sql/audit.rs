// SPDX-License-Identifier: MPL-2.0
//! The audit log.

use jiff::Timestamp;
use sqlx::any::AnyRow;
use sqlx::{AnyConnection, AssertSqlSafe, FromRow, Row, query};

use super::{conditions, like, limit};
use crate::model::{AuditEntry, FAILED_ENDS};
use crate::store::{AuditFilter, Result};

pub(super) async fn write(tx: &mut AnyConnection, entries: &[AuditEntry]) -> Result<()> {
    for entry in entries {
        query(
            "INSERT INTO audit (at_ms, actor, action, camera, user_name, subject, details) \
             VALUES ($1, $2, $3, $4, $5, $6, $7)",
        )
        .bind(entry.at.as_millisecond())
        .bind(&entry.actor)
        .bind(&entry.action)
        .bind(&entry.camera)
        .bind(&entry.user)
        .bind(&entry.subject)
        .bind(entry.details.to_string())
        .execute(&mut *tx)
        .await?;
    }
    Ok(())
}

/// Whether what is searched for is in it.
const FOUND: &str = "(LOWER(actor) LIKE $5 ESCAPE '!' OR LOWER(action) LIKE $5 ESCAPE '!' OR LOWER(camera) LIKE $5 ESCAPE '!' \
     OR LOWER(user_name) LIKE $5 ESCAPE '!' OR LOWER(subject) LIKE $5 ESCAPE '!' OR LOWER(details) LIKE $5 ESCAPE '!')";

/// Whether something failed. The details are JSON of this program's own, of which no value may be written another way.
fn failed() -> String {
    let reasons = FAILED_ENDS.map(|code| format!("details LIKE '%\"reason\":\"{code}\"%'"));
    format!(
        "(action IN ('session.refused', 'login.refused', 'door.refused', 'second-factor.wrong', 'passkey.counted-back') \
         OR (action = 'session.ended' AND ({})))",
        reasons.join(" OR ")
    )
}

pub(super) async fn list(
    tx: &mut AnyConnection,
    filter: &AuditFilter,
) -> Result<Vec<(i64, AuditEntry)>> {
    let failed = failed();
    let conditions = conditions(&[
        ("camera = $1", filter.camera.is_some()),
        ("(user_name = $2 OR actor = $2)", filter.user.is_some()),
        ("id < $3", filter.before.is_some()),
        (FOUND, filter.search.is_some()),
        ("at_ms >= $6", filter.from.is_some()),
        (&failed, filter.failed),
    ]);
    let sql = format!("SELECT * FROM audit WHERE {conditions} ORDER BY id DESC LIMIT $4");
    let rows = query(AssertSqlSafe(sql))
        .bind(&filter.camera)
        .bind(&filter.user)
        .bind(filter.before)
        .bind(limit(filter.limit))
        .bind(filter.search.as_deref().map(like))
        .bind(filter.from.map(Timestamp::as_millisecond))
        .fetch_all(tx)
        .await?;
    let entry = |row: &AnyRow| Ok((Row::try_get(row, "id")?, AuditEntry::from_row(row)?));
    rows.iter().map(entry).collect()
}

pub(super) async fn forget(tx: &mut AnyConnection, before: Timestamp, at_most: u32) -> Result<u64> {
    let old = query(
        "DELETE FROM audit WHERE id IN (SELECT id FROM audit WHERE at_ms < $1 ORDER BY at_ms LIMIT $2)",
    );
    let old = old.bind(before.as_millisecond()).bind(i64::from(at_most));
    Ok(old.execute(tx).await?.rows_affected())
}

/// Numbers are given in the order of time and never twice, so that those of the last so many entries are known without
/// counting; some are missing where a change was not made, and then a few less are kept.
pub(super) async fn forget_surplus(tx: &mut AnyConnection, keep: u64, at_most: u32) -> Result<u64> {
    let old = query(
        "DELETE FROM audit WHERE id IN (SELECT id FROM audit \
         WHERE id <= (SELECT MAX(id) FROM audit) - $1 ORDER BY id LIMIT $2)",
    );
    let keep = i64::try_from(keep).unwrap_or(i64::MAX);
    let old = old.bind(keep).bind(i64::from(at_most));
    Ok(old.execute(tx).await?.rows_affected())
}
