// SPDX-License-Identifier: MPL-2.0
//! Links of calls: each is a share link for one person and one call, and opens once. It is in memory until somebody opens it,
//! so that nobody at a door waits for a disk.

use std::collections::HashMap;

use porthole_protocol::random_secret;

use super::{Access, By, Result, as_kept, shares};
use crate::lock::lock;
use crate::model::{Share, Window};
use crate::registry::SecretDigest;
use crate::rights::share_user;
use crate::room::call_perms;
use crate::store::{Changed, Put};

/// Links of calls that nobody has opened: some hundred calls at a time, each with all whom it rings. Beyond that people are told
/// without a link.
const MAX_UNOPENED: usize = 8192;

/// Links that nobody has opened yet.
#[derive(Default)]
pub(super) struct CallLinks {
    by_secret: HashMap<SecretDigest, Share>,
}

/// A link to make.
pub(crate) struct CallLink {
    /// Its id, a UUID.
    pub(crate) id: String,
    pub(crate) camera: String,
    /// From the press to the end of the call at the latest.
    pub(crate) window: Window,
    /// What people read who see it among the links.
    pub(crate) note: String,
}

impl Access {
    /// Makes a link that is good for a call, and returns the secret that goes into it. `None` where there can be none: without a
    /// database, and at a camera that is not in it.
    pub(crate) fn add_call_link(&self, link: CallLink) -> Option<String> {
        self.store.as_ref()?;
        if !lock(&self.ledger).cameras.contains_key(&link.camera) {
            return None;
        }
        let secret = random_secret();
        let digest = SecretDigest::of(&secret);
        let share = Share {
            id: link.id,
            camera: link.camera,
            secret: digest,
            window: Window {
                start: as_kept(link.window.start),
                end: as_kept(link.window.end),
            },
            perms: call_perms().into(),
            saving: true,
            max_uses: 1,
            uses: 0,
            note: link.note,
            created: as_kept(link.window.start),
        };
        let mut links = lock(&self.call_links);
        if links.by_secret.len() >= MAX_UNOPENED {
            tracing::warn!(
                "there are too many calls at a time for all of them to have links of their own"
            );
            return None;
        }
        links.by_secret.insert(digest, share);
        Some(secret)
    }

    /// Writes the link down that nobody has opened, where it may be opened at another server. Whoever is told of it may open it
    /// before: until then it is known here.
    pub(crate) async fn share_call_link(&self, secret: &str) {
        if !self.store.as_ref().is_some_and(|store| store.is_shared()) {
            return;
        }
        let by = By::now("server");
        let kept = async {
            let _order = self.order().await?;
            self.keep_call_link(&SecretDigest::of(secret), &by).await
        };
        if let Err(error) = kept.await {
            tracing::warn!(%error, "the link of a call opens at this server alone");
        }
    }

    /// Writes the link with this secret down, if it is a call's that nobody has opened: it is one like any other from then on.
    pub(super) async fn keep_call_link(&self, secret: &SecretDigest, by: &By) -> Result<()> {
        let Some(share) = lock(&self.call_links).by_secret.remove(secret) else {
            return Ok(());
        };
        let audit = shares::entry(by, "share.added", &share);
        let put = self.store()?.put_share(&share, Put::New, &audit);
        let put = self.change(Changed::Share(share.id.clone()), put).await;
        if put.is_err() {
            // It may be opened again.
            lock(&self.call_links).by_secret.insert(*secret, share);
        }
        put.map_err(shares::of_store)
    }

    /// A call is over: its links are void at once, and whoever has opened one is out.
    pub(crate) fn void_call_links(&self, ids: &[String]) {
        lock(&self.call_links)
            .by_secret
            .retain(|_, share| !ids.contains(&share.id));
        for id in ids {
            self.forget_account(&share_user(id));
        }
    }

    /// Takes those that were opened out of the database.
    pub(crate) async fn remove_call_links(&self, by: &By, ids: Vec<String>) {
        // One that is opened at this moment is in the ledger after that.
        drop(self.order().await);
        let is_opened = |id: &String| lock(&self.ledger).share(id).is_some();
        let opened: Vec<_> = ids.into_iter().filter(is_opened).collect();
        for id in opened {
            if let Err(error) = self.remove_share(by, &id).await {
                tracing::warn!(%error, id, "the link of a call that is over could not be removed: it ends by itself");
            }
        }
    }
}
