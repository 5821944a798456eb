// SPDX-License-Identifier: MPL-2.0
//! People whom an existing backend knows. They have no account here: what the backend says of them counts for as long as
//! it says.

use std::time::Instant;

use jiff::Timestamp;

use super::{Access, AccessError, By, Known, NewLogin, Result};
use crate::backend::Identity;
use crate::hub::Change;
use crate::lock::lock;
use crate::registry::{Account, Origin, SecretDigest};

impl Access {
    /// Takes over what the backend says of someone, who showed this token or, without one, a password.
    pub(crate) fn admit(
        &self,
        identity: Identity,
        token: Option<SecretDigest>,
        now: Timestamp,
    ) -> Result<()> {
        let Identity {
            role,
            rights,
            until,
        } = identity;
        let mono = Instant::now();
        let until = mono + super::logins::left(until, now);
        let account = Account {
            rights: rights.clone(),
            role,
            token: None,
            origin: Origin::Backend,
        };
        let mut registry = lock(&self.registry);
        if !registry.admit(account, token, mono, until) {
            let user = &rights.user;
            tracing::warn!(
                user,
                "the backend's user has the name of one who is known here, or there are too many"
            );
            return Err(AccessError::WrongSecret);
        }
        // Sent under the lock, so that the hub hears of changes in the order they were made.
        self.tell(Change::ViewerSet { rights });
        Ok(())
    }

    /// Forgets those of whom the backend has said nothing for long enough.
    pub(super) fn forget_visitors(&self) {
        let mut registry = lock(&self.registry);
        for user in registry.forget_visitors(Instant::now()) {
            self.tell(Change::ViewerRemoved { user });
        }
    }

    /// Logs in someone whom the backend has just let in.
    pub(crate) async fn log_in_visitor(
        &self,
        user: &str,
        known: Known,
        now: Timestamp,
    ) -> Result<NewLogin> {
        let _order = self.order.lock().await;
        let by = By {
            actor: user.to_owned(),
            at: now,
        };
        self.make_login(user, &known, "backend", &by).await
    }
}
