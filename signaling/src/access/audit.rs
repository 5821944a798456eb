// SPDX-License-Identifier: MPL-2.0
//! The audit log: read, and written where no other change is.

use std::net::IpAddr;

use jiff::{SignedDuration, Timestamp};
use serde_json::json;

use super::{Access, AccessError, By, LINK_MEMORY, Result};
use crate::model::AuditEntry;
use crate::network::network;
use crate::sentences;
use crate::store::{AuditFilter, StoreError};

fn of_store(error: StoreError) -> AccessError {
    AccessError::of_store(error, "such an entry", "no such entry")
}

impl Access {
    /// Entries with their numbers, the latest first.
    pub(crate) async fn audit(&self, filter: &AuditFilter) -> Result<Vec<(i64, AuditEntry)>> {
        self.store()?.audit(filter).await.map_err(of_store)
    }

    /// Writes down what happened.
    pub(crate) async fn log(&self, entries: &[AuditEntry]) -> Result<()> {
        match &self.store {
            Some(store) if !entries.is_empty() => store.log(entries).await.map_err(of_store),
            _ => Ok(()),
        }
    }

    /// Forgets what is over, and entries that are older than `keep`. Returns how many of these went.
    pub(crate) async fn forget(
        &self,
        now: Timestamp,
        keep: SignedDuration,
        at_most: u32,
    ) -> Result<u64> {
        let order = self.order().await?;
        self.forget_over(now, now - LINK_MEMORY);
        drop(order);
        self.forget_visitors();
        match &self.store {
            Some(store) => store.forget(now - keep, at_most).await.map_err(of_store),
            None => Ok(0),
        }
    }

    /// Forgets the oldest entries of the audit log beyond so many, at most so many at a time. Returns how many went.
    pub(crate) async fn forget_surplus(&self, keep: u64, at_most: u32) -> Result<u64> {
        match &self.store {
            Some(store) => store.forget_surplus(keep, at_most).await.map_err(of_store),
            None => Ok(0),
        }
    }

    /// Whether the database answers, if there is one.
    pub(crate) async fn ping(&self) -> Result<()> {
        match &self.store {
            Some(store) => store.ping().await.map_err(of_store),
            None => Ok(()),
        }
    }

    /// Notes how many wrong credentials came, the last of them from `peer`. Whose they should have been is not noted:
    /// people type passwords where names belong.
    pub(crate) async fn log_refused(&self, peer: IpAddr, count: u64, at: Timestamp) -> Result<()> {
        let by = By {
            actor: "server".to_owned(),
            at,
        };
        let entry = AuditEntry {
            details: json!({ "count": count, "peer": network(peer) }),
            ..by.entry("login.refused")
        };
        self.log(&[entry]).await
    }

    /// Notes that an administrator ended a session of someone at some camera.
    pub(crate) async fn log_revoked(
        &self,
        by: &By,
        session: String,
        (user, camera): (String, String),
    ) -> Result<()> {
        let entry = AuditEntry {
            subject: Some(session),
            user: Some(user),
            camera: Some(camera),
            ..by.entry("session.revoked")
        };
        let entries = [entry];
        sentences::say(&entries);
        self.log(&entries).await
    }
}
