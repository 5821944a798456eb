// SPDX-License-Identifier: MPL-2.0
//! Browsers that want to be told of calls.

use super::follow::asked;
use super::{Access, AccessError, By, Result};
use crate::digest::SecretDigest;
use crate::model::PushSubscription;
use crate::store::StoreError;

/// Browsers of one user: telephones, tablets and computers of a household, some of them twice. The oldest go, which may be
/// there no more.
const MAX_PUSH_SUBSCRIPTIONS: u32 = 8;

fn of_store(error: StoreError) -> AccessError {
    AccessError::of_store(error, "such a subscription", "no such subscription")
}

impl Access {
    /// A user's browsers that want to be told.
    pub(crate) async fn push_subscriptions(&self, user: &str) -> Result<Vec<PushSubscription>> {
        let subscriptions = asked(self.store()?.push_subscriptions(user)).await;
        subscriptions.map_err(of_store)
    }

    /// Has one told from now on. One that is known already is said again whenever its page opens, and is nothing new.
    pub(crate) async fn add_push(&self, by: &By, subscription: PushSubscription) -> Result<()> {
        let user = &subscription.user;
        self.user(user)?;
        let known = self.push_subscriptions(user).await?;
        let is_same = |other: &PushSubscription| {
            let key =
                |of: &PushSubscription| (of.endpoint.clone(), of.p256dh.clone(), of.auth.clone());
            key(other) == key(&subscription)
        };
        if known.iter().any(is_same) {
            return Ok(());
        }
        let mut audit = by.entry("push.added");
        audit.user = Some(user.clone());
        let store = self.store()?;
        let put = store.put_push_subscription(&subscription, MAX_PUSH_SUBSCRIPTIONS, &audit);
        put.await.map_err(of_store)
    }

    /// Has one told no more. One that is not there is what was asked for.
    pub(crate) async fn remove_push(
        &self,
        by: &By,
        user: &str,
        endpoint: &SecretDigest,
    ) -> Result<()> {
        let mut audit = by.entry("push.removed");
        audit.user = Some(user.to_owned());
        let store = self.store()?;
        match store.remove_push_subscription(user, endpoint, &audit).await {
            Ok(()) | Err(StoreError::NotFound) => Ok(()),
            Err(error) => Err(of_store(error)),
        }
    }
}
