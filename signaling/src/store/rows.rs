// SPDX-License-Identifier: MPL-2.0
//! What is kept, as rows of tables. What cannot be read there is an error, never left out or guessed.

use std::collections::{BTreeMap, BTreeSet};

use jiff::{SignedDuration, Timestamp};
use porthole_protocol::grant::Permission;
use sqlx::any::AnyRow;
use sqlx::{Error, FromRow, Row};

use crate::digest::SecretDigest;
use crate::model::{
    AuditEntry, Booking, CallRecord, Camera, Holder, Login, Passkey, PushSubscription, Recurrence,
    Role, SelfBookingRule, Share, User, Window,
};

pub(super) fn perms_text(perms: &BTreeSet<Permission>) -> String {
    let names: Vec<_> = perms.iter().map(ToString::to_string).collect();
    names.join(",")
}

fn perms_of(text: &str) -> Option<BTreeSet<Permission>> {
    let permission = |name: &str| {
        let mut all = Permission::ALL.into_iter();
        all.find(|p| p.to_string() == name)
    };
    let names = text.split(',').filter(|name| !name.is_empty());
    names.map(permission).collect()
}

pub(super) fn role_text(role: Role) -> &'static str {
    match role {
        Role::Administrator => "administrator",
        Role::Viewer => "viewer",
    }
}

fn role_of(text: &str) -> Option<Role> {
    let roles = [Role::Administrator, Role::Viewer];
    roles.into_iter().find(|role| role_text(*role) == text)
}

/// Reads a column of text in another form.
pub(super) fn read<T>(
    row: &AnyRow,
    column: &str,
    form: impl Fn(&str) -> Option<T>,
) -> Result<T, Error> {
    form(row.try_get(column)?).ok_or_else(|| unreadable(column))
}

fn unreadable(column: &str) -> Error {
    Error::ColumnDecode {
        index: column.to_owned(),
        source: "it has another form than this program writes".into(),
    }
}

pub(super) fn time(row: &AnyRow, column: &str) -> Result<Timestamp, Error> {
    Timestamp::from_millisecond(row.try_get(column)?).map_err(|_| unreadable(column))
}

fn count(row: &AnyRow, column: &str) -> Result<u32, Error> {
    let count: i64 = row.try_get(column)?;
    count.try_into().map_err(|_| unreadable(column))
}

fn flag(row: &AnyRow, column: &str) -> Result<bool, Error> {
    match row.try_get::<i64, _>(column)? {
        0 => Ok(false),
        1 => Ok(true),
        _ => Err(unreadable(column)),
    }
}

impl FromRow<'_, AnyRow> for User {
    fn from_row(row: &AnyRow) -> Result<Self, Error> {
        let token: Option<&str> = row.try_get("token")?;
        Ok(Self {
            name: row.try_get("name")?,
            role: read(row, "role", role_of)?,
            password: row.try_get("password")?,
            token: token
                .map(|hex| SecretDigest::from_hex(hex).ok_or_else(|| unreadable("token")))
                .transpose()?,
            created: time(row, "created_ms")?,
        })
    }
}

impl FromRow<'_, AnyRow> for Camera {
    fn from_row(row: &AnyRow) -> Result<Self, Error> {
        let seen: Option<i64> = row.try_get("last_seen_ms")?;
        Ok(Self {
            id: row.try_get("id")?,
            name: row.try_get("name")?,
            secret: read(row, "secret", SecretDigest::from_hex)?,
            created: time(row, "created_ms")?,
            last_seen: seen.map(|_| time(row, "last_seen_ms")).transpose()?,
        })
    }
}

impl FromRow<'_, AnyRow> for Window {
    fn from_row(row: &AnyRow) -> Result<Self, Error> {
        Ok(Self {
            start: time(row, "start_ms")?,
            end: time(row, "end_ms")?,
        })
    }
}

impl FromRow<'_, AnyRow> for Booking {
    fn from_row(row: &AnyRow) -> Result<Self, Error> {
        let (rule, zone): (Option<String>, Option<String>) =
            (row.try_get("rule")?, row.try_get("zone")?);
        Ok(Self {
            id: row.try_get("id")?,
            camera: row.try_get("camera")?,
            user: row.try_get("user_name")?,
            window: Window::from_row(row)?,
            perms: read(row, "perms", perms_of)?,
            saving: flag(row, "saving")?,
            recurrence: rule.zip(zone).map(|(rule, zone)| Recurrence { rule, zone }),
            note: row.try_get("note")?,
            own: flag(row, "own")?,
            created: time(row, "created_ms")?,
        })
    }
}

impl FromRow<'_, AnyRow> for SelfBookingRule {
    fn from_row(row: &AnyRow) -> Result<Self, Error> {
        let names = |column: &str| {
            let text: Option<&str> = row.try_get(column)?;
            let names = text.map(|text| serde_json::from_str(text).map_err(|_| unreadable(column)));
            names.transpose()
        };
        let span = |column: &str| {
            let ms: i64 = row.try_get(column)?;
            Ok::<_, Error>(SignedDuration::from_millis(ms))
        };
        Ok(Self {
            id: row.try_get("id")?,
            users: names("users")?,
            cameras: names("cameras")?,
            perms: read(row, "perms", perms_of)?,
            saving: flag(row, "saving")?,
            ahead: span("ahead_ms")?,
            week: span("week_ms")?,
            longest: span("longest_ms")?,
            zone: row.try_get("zone")?,
            created: time(row, "created_ms")?,
        })
    }
}

impl FromRow<'_, AnyRow> for Share {
    fn from_row(row: &AnyRow) -> Result<Self, Error> {
        Ok(Self {
            id: row.try_get("id")?,
            camera: row.try_get("camera")?,
            secret: read(row, "secret", SecretDigest::from_hex)?,
            window: Window::from_row(row)?,
            perms: read(row, "perms", perms_of)?,
            saving: flag(row, "saving")?,
            max_uses: count(row, "max_uses")?,
            uses: count(row, "uses")?,
            note: row.try_get("note")?,
            created: time(row, "created_ms")?,
        })
    }
}

impl FromRow<'_, AnyRow> for Login {
    fn from_row(row: &AnyRow) -> Result<Self, Error> {
        let user: Option<String> = row.try_get("user_name")?;
        let holder = match user {
            Some(user) => Holder::User(user),
            None => Holder::Share(row.try_get("share")?),
        };
        Ok(Self {
            cookie: read(row, "cookie", SecretDigest::from_hex)?,
            holder,
            created: time(row, "created_ms")?,
            until: time(row, "until_ms")?,
        })
    }
}

impl FromRow<'_, AnyRow> for Passkey {
    fn from_row(row: &AnyRow) -> Result<Self, Error> {
        let used: Option<i64> = row.try_get("used_ms")?;
        Ok(Self {
            id: row.try_get("id")?,
            user: row.try_get("user_name")?,
            name: row.try_get("name")?,
            credential_id: row.try_get("credential_id")?,
            credential: row.try_get("credential")?,
            counter: count(row, "counter")?,
            created: time(row, "created_ms")?,
            used: used.map(|_| time(row, "used_ms")).transpose()?,
        })
    }
}

impl FromRow<'_, AnyRow> for PushSubscription {
    fn from_row(row: &AnyRow) -> Result<Self, Error> {
        Ok(Self {
            user: row.try_get("user_name")?,
            endpoint: row.try_get("endpoint")?,
            p256dh: row.try_get("p256dh")?,
            auth: row.try_get("auth")?,
            created: time(row, "created_ms")?,
        })
    }
}

/// Without those whom it rang, who are in rows of their own.
impl FromRow<'_, AnyRow> for CallRecord {
    fn from_row(row: &AnyRow) -> Result<Self, Error> {
        let moment = |column: &str| {
            let at: Option<i64> = row.try_get(column)?;
            at.map(|_| time(row, column)).transpose()
        };
        let reason: Option<&str> = row.try_get("reason")?;
        let reason = reason.map(|text| serde_json::from_value(text.into()));
        let snapshots: i64 = row.try_get("snapshots")?;
        Ok(Self {
            id: row.try_get("id")?,
            ring: row.try_get("ring")?,
            camera: row.try_get("camera")?,
            name: row.try_get("name")?,
            rang: time(row, "rang_ms")?,
            rang_by: row.try_get("rang_by")?,
            recipients: BTreeMap::new(),
            answered: moment("answered_ms")?,
            answered_by: row.try_get("answered_by")?,
            talking: moment("talking_ms")?,
            door_opened: moment("door_ms")?,
            ended: moment("ended_ms")?,
            reason: reason.transpose().map_err(|_| unreadable("reason"))?,
            has_snapshot: snapshots > 0,
        })
    }
}

impl FromRow<'_, AnyRow> for AuditEntry {
    fn from_row(row: &AnyRow) -> Result<Self, Error> {
        Ok(Self {
            at: time(row, "at_ms")?,
            actor: row.try_get("actor")?,
            action: row.try_get("action")?,
            camera: row.try_get("camera")?,
            user: row.try_get("user_name")?,
            subject: row.try_get("subject")?,
            details: read(row, "details", |text| serde_json::from_str(text).ok())?,
        })
    }
}
