// SPDX-License-Identifier: MPL-2.0
//! People whom an existing backend knows. They have no account here: what the backend says of them counts for as long as
//! it says.

use std::time::Instant;

use jiff::Timestamp;
use porthole_protocol::random_secret;
use serde_json::json;

use super::visit::Visit;
use super::{Access, AccessError, By, Known, NewLogin, Result};
use crate::backend::Identity;
use crate::hub::Change;
use crate::lock::lock;
use crate::model::AuditEntry;
use crate::registry::{Account, Origin, SecretDigest};
use crate::rights::Rights;

impl Access {
    /// Takes over what the backend says of the bearer of this token.
    pub(crate) fn admit(
        &self,
        identity: Identity,
        token: SecretDigest,
        now: Timestamp,
    ) -> Result<()> {
        self.admit_as(&Visit::new(identity, now), token)
    }

    /// The same of the bearer of a token, or at a log-in.
    pub(super) fn admit_as(&self, visit: &Visit, id: SecretDigest) -> Result<()> {
        let mut account = visit.account.clone();
        account.rights = Rights::clone(&account.rights).of_token(id).into();
        let rights = account.rights.clone();
        let mut registry = lock(&self.registry);
        let Some(gone) = registry.admit(account, Instant::now(), visit.until) else {
            let user = &*rights.user;
            tracing::warn!(
                user,
                "the backend's user has the name of one who is known here, or there are too many"
            );
            return Err(AccessError::WrongSecret);
        };
        // Sent under the lock, so that the hub hears of changes in the order they were made.
        self.tell_removed(gone);
        self.tell(Change::ViewerSet { rights });
        Ok(())
    }

    /// Forgets what the backend has said for long enough.
    pub(super) fn forget_visitors(&self) {
        let mut registry = lock(&self.registry);
        let gone = registry.forget_visitors(Instant::now());
        self.tell_removed(gone);
    }

    /// Logs in someone whom the backend has just let in by a password.
    pub(crate) async fn log_in_visitor(
        &self,
        identity: Identity,
        known: Known,
        now: Timestamp,
    ) -> Result<NewLogin> {
        let _order = self.order().await?;
        let visit = Visit::new(identity, now);
        let by = By {
            actor: visit.account.rights.user.to_string(),
            at: now,
        };
        self.make_login(&by.actor, Some(visit), &known, "backend", &by)
            .await
    }

    /// Logs in someone who has just done so at the identity provider. The log-in has what the ID token says, and ends with it.
    pub(crate) async fn log_in_by_openid(
        &self,
        identity: Identity,
        known: Known,
        now: Timestamp,
    ) -> Result<NewLogin> {
        let _order = self.order.lock().await;
        let mut visit = Visit::new(identity, now);
        visit.account.origin = Origin::Openid;
        let by = By {
            actor: visit.account.rights.user.to_string(),
            at: now,
        };
        let made = self.make_login(&by.actor, Some(visit), &known, "openid", &by);
        let login = made.await?;
        let entry = AuditEntry {
            user: Some(by.actor.clone()),
            details: json!({ "with": "openid" }),
            ..by.entry("login.made")
        };
        // The log-in itself is nowhere but in memory, so that it holds also where it cannot be written down.
        if let Err(error) = self.log(&[entry]).await {
            tracing::warn!(%error, "a log-in is missing in the audit log");
        }
        Ok(login)
    }

    /// Whether the log-in of this cookie was made at the identity provider.
    pub(crate) fn is_by_openid(&self, cookie: &SecretDigest) -> bool {
        let registry = lock(&self.registry);
        let login = registry.logins.user(cookie);
        let account = login.and_then(|(user, visit)| registry.account_of_login(user, visit));
        account.is_some_and(|account| account.origin == Origin::Openid)
    }

    /// What the backend said of the bearer of this token, as of now.
    pub(super) fn visit_of(&self, token: &SecretDigest, account: &Account) -> Option<Visit> {
        let until = lock(&self.registry).visit_end(token)?;
        let account = account.clone();
        Some(Visit { account, until })
    }

    /// An id for the visit of a log-in, which outlives its cookies.
    pub(super) fn new_visit_id() -> SecretDigest {
        SecretDigest::of(&random_secret())
    }
}
