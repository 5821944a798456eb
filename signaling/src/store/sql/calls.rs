// SPDX-License-Identifier: MPL-2.0
//! Calls of doorbells.

use std::collections::BTreeMap;
#[cfg(feature = "postgres")]
use std::collections::BTreeSet;

use jiff::Timestamp;
use sqlx::any::AnyRow;
use sqlx::{AnyConnection, AssertSqlSafe, FromRow, Row, query};

use super::{Question, conditions, limit};
use crate::model::CallRecord;
#[cfg(feature = "postgres")]
use crate::store::watch;
use crate::store::{CallFilter, Result};

/// How many pictures there are of each: one, or none.
const COLUMNS: &str = "id, ring, camera, name, rang_ms, rang_by, answered_ms, answered_by, talking_ms, door_ms, ended_ms, reason, \
     (SELECT COUNT(*) FROM call_snapshots WHERE call_snapshots.call = calls.id) AS snapshots";

/// What each is now; those whom it has rung stay. `own` is the server at which they are.
pub(super) async fn put(
    tx: &mut AnyConnection,
    calls: &[CallRecord],
    own: Option<&str>,
) -> Result<()> {
    let ms = |at: Option<Timestamp>| at.map(|at| at.as_millisecond());
    for call in calls {
        query(
            "INSERT INTO calls (id, ring, camera, name, rang_ms, rang_by, answered_ms, answered_by, talking_ms, door_ms, ended_ms, reason, server) \
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13) \
             ON CONFLICT (id) DO UPDATE SET answered_ms = excluded.answered_ms, answered_by = excluded.answered_by, \
             talking_ms = excluded.talking_ms, \
             door_ms = COALESCE(calls.door_ms, excluded.door_ms), ended_ms = excluded.ended_ms, reason = excluded.reason",
        )
        .bind(&call.id)
        .bind(&call.ring)
        .bind(&call.camera)
        .bind(&call.name)
        .bind(call.rang.as_millisecond())
        .bind(&call.rang_by)
        .bind(ms(call.answered))
        .bind(&call.answered_by)
        .bind(ms(call.talking))
        .bind(ms(call.door_opened))
        .bind(ms(call.ended))
        .bind(call.reason.map(|reason| reason.to_string()))
        .bind(own)
        .execute(&mut *tx)
        .await?;
        for (user, link) in &call.recipients {
            let sql = "INSERT INTO call_recipients (call, user_name, link) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING";
            let rung = query(sql).bind(&call.id).bind(user).bind(link);
            rung.execute(&mut *tx).await?;
        }
    }
    Ok(())
}

/// Those that run and whose server is gone, which are `own` from now on; and at how many other servers some run.
#[cfg(feature = "postgres")]
pub(super) async fn take(tx: &mut AnyConnection, own: &str) -> Result<(Vec<CallRecord>, usize)> {
    let mut others = 0;
    let sql = "SELECT DISTINCT server FROM calls WHERE ended_ms IS NULL AND server <> $1";
    let servers = query(sql).bind(own).fetch_all(&mut *tx).await?;
    for row in servers {
        let server: String = Row::try_get(&row, "server")?;
        let row = query(watch::IS_GONE).bind(&server);
        let row = row.fetch_one(&mut *tx).await?;
        if Row::try_get(&row, "gone")? {
            let sql = "UPDATE calls SET server = $1 WHERE server = $2 AND ended_ms IS NULL";
            query(sql).bind(own).bind(&server).execute(&mut *tx).await?;
        } else {
            others += 1;
        }
    }
    let sql = "SELECT id FROM calls WHERE server = $1 AND ended_ms IS NULL";
    let rows = query(sql).bind(own).fetch_all(&mut *tx).await?;
    let ids = rows.iter().map(|row| Row::try_get(row, "id"));
    let ids: BTreeSet<String> = ids.collect::<sqlx::Result<_>>()?;
    let running = CallFilter {
        running: true,
        ..CallFilter::default()
    };
    let mut calls = list(tx, &running).await?;
    calls.retain(|call| ids.contains(&call.id));
    Ok((calls, others))
}

/// Whether a call with this link runs at another server than `own`.
pub(super) async fn is_elsewhere(tx: &mut AnyConnection, link: &str, own: &str) -> Result<bool> {
    let sql = "SELECT calls.id FROM calls JOIN call_recipients ON call_recipients.call = calls.id \
               WHERE call_recipients.link = $1 AND calls.ended_ms IS NULL AND calls.server <> $2";
    let row = query(sql).bind(link).bind(own).fetch_optional(tx).await?;
    Ok(row.is_some())
}

pub(super) async fn list(tx: &mut AnyConnection, filter: &CallFilter) -> Result<Vec<CallRecord>> {
    let conditions = conditions(&[
        ("camera = $1", filter.camera.is_some()),
        (
            "id IN (SELECT call FROM call_recipients WHERE user_name = $2)",
            filter.user.is_some(),
        ),
        (
            "(rang_ms < $3 OR (rang_ms = $3 AND id < $4))",
            filter.before.is_some(),
        ),
        ("id = $5", filter.id.is_some()),
        ("ended_ms IS NULL", filter.running),
    ]);
    let (before_ms, before_id) = match &filter.before {
        Some((at, id)) => (Some(at.as_millisecond()), Some(id)),
        None => (None, None),
    };
    let part = format!("FROM calls WHERE {conditions} ORDER BY rang_ms DESC, id DESC LIMIT $6");
    let bound = |sql: String| -> Question<'_> {
        query(AssertSqlSafe(sql))
            .bind(&filter.camera)
            .bind(&filter.user)
            .bind(before_ms)
            .bind(before_id)
            .bind(&filter.id)
            .bind(limit(filter.limit))
    };
    let rows = bound(format!("SELECT {COLUMNS} {part}"));
    let rows = rows.fetch_all(&mut *tx).await?;
    let rung = format!(
        "SELECT call, user_name, link FROM call_recipients WHERE call IN (SELECT id FROM (SELECT id {part}) AS part)"
    );
    let mut recipients: BTreeMap<String, BTreeMap<String, String>> = BTreeMap::new();
    for row in bound(rung).fetch_all(tx).await? {
        let own = recipients.entry(Row::try_get(&row, "call")?).or_default();
        own.insert(
            Row::try_get(&row, "user_name")?,
            Row::try_get(&row, "link")?,
        );
    }
    let whole = |row: &AnyRow| -> Result<CallRecord> {
        let mut call = CallRecord::from_row(row)?;
        call.recipients = recipients.remove(&call.id).unwrap_or_default();
        Ok(call)
    };
    rows.iter().map(whole).collect()
}

/// Notes when the door was opened in a call of this camera.
pub(super) async fn put_door(
    tx: &mut AnyConnection,
    call: &str,
    camera: &str,
    at: Timestamp,
) -> Result<()> {
    let sql = "UPDATE calls SET door_ms = $3 WHERE id = $1 AND camera = $2 AND door_ms IS NULL";
    let put = query(sql).bind(call).bind(camera);
    put.bind(at.as_millisecond()).execute(tx).await?;
    Ok(())
}

pub(super) async fn put_snapshot(
    tx: &mut AnyConnection,
    call: &str,
    jpeg: &[u8],
    at: Timestamp,
) -> Result<()> {
    let sql = "INSERT INTO call_snapshots (call, taken_ms, jpeg) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING";
    let put = query(sql)
        .bind(call)
        .bind(at.as_millisecond())
        .bind(jpeg.to_vec());
    put.execute(tx).await?;
    Ok(())
}

pub(super) async fn snapshot(tx: &mut AnyConnection, call: &str) -> Result<Option<Vec<u8>>> {
    let sql = "SELECT jpeg FROM call_snapshots WHERE call = $1";
    let row = query(sql).bind(call).fetch_optional(tx).await?;
    Ok(row.map(|row| Row::try_get(&row, "jpeg")).transpose()?)
}

/// Calls from before, and the oldest pictures beyond so many.
pub(super) async fn forget(
    tx: &mut AnyConnection,
    before: Timestamp,
    snapshots: u64,
    at_most: u32,
) -> Result<u64> {
    let old = query(
        "DELETE FROM calls WHERE id IN (SELECT id FROM calls WHERE rang_ms < $1 ORDER BY rang_ms LIMIT $2)",
    );
    let old = old.bind(before.as_millisecond()).bind(i64::from(at_most));
    let calls = old.execute(&mut *tx).await?.rows_affected();
    let surplus = query(
        "DELETE FROM call_snapshots WHERE call IN \
         (SELECT call FROM call_snapshots ORDER BY taken_ms DESC, call DESC LIMIT $2 OFFSET $1)",
    );
    let surplus = surplus
        .bind(i64::try_from(snapshots).unwrap_or(i64::MAX))
        .bind(i64::from(at_most));
    Ok(calls + surplus.execute(tx).await?.rows_affected())
}
