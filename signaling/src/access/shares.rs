// SPDX-License-Identifier: MPL-2.0
//! Links that let whoever has one look through a camera for a while.

use std::collections::BTreeSet;

use jiff::Timestamp;
use porthole_protocol::grant::Permission;
use porthole_protocol::random_secret;
use serde_json::json;

use super::{Access, AccessError, By, Known, NewLogin, Result, validate};
use crate::lock::lock;
use crate::model::{Holder, Login, Share, Window};
use crate::registry::SecretDigest;
use crate::rights::share_user;
use crate::store::{Changed, Put, StoreError};

const SUCH_A_LINK: &str = "a link of this id";

/// Which of its times were told; the others follow from when it was asked for.
#[derive(Clone, Copy)]
pub(crate) struct Told {
    pub(crate) start: bool,
    pub(crate) end: bool,
}

/// What a link is for.
#[derive(Clone)]
pub(crate) struct ShareFields {
    /// Chosen by whoever asks, so that it may ask again; made here if there is none.
    pub(crate) id: Option<String>,
    pub(crate) camera: String,
    pub(crate) start: Timestamp,
    pub(crate) end: Timestamp,
    pub(crate) told: Told,
    pub(crate) perms: BTreeSet<Permission>,
    pub(crate) saving: bool,
    pub(crate) max_uses: u32,
    pub(crate) note: String,
}

pub(super) fn of_store(error: StoreError) -> AccessError {
    AccessError::of_store(error, "a link of this id", "no link of this id")
}

impl Access {
    /// So many of the links that are not over, the oldest first, those after one.
    pub(crate) fn shares(
        &self,
        after: Option<&str>,
        most: usize,
        now: Timestamp,
        found: impl Fn(&Share) -> bool,
    ) -> Result<Vec<Share>> {
        self.store()?;
        let ledger = lock(&self.ledger);
        let rest = ledger.shares_after(after);
        let open = rest.filter(|share| share.window.end > now && found(share));
        Ok(open.take(most).cloned().collect())
    }

    pub(crate) fn share(&self, id: &str) -> Result<Share> {
        self.store()?;
        let share = lock(&self.ledger).share(id).cloned();
        share.ok_or(AccessError::NotFound("no link of this id"))
    }

    /// Makes a link, and returns the secret that goes into it. One that is there under the id that was asked for, is the
    /// same and was never opened is what was asked for: it gets another secret, since nobody has the one before.
    pub(crate) async fn add_share(&self, by: &By, fields: ShareFields) -> Result<(Share, String)> {
        let store = self.store()?;
        let (is_given, told) = (fields.id.is_some(), fields.told);
        let window = validate::window(fields.start, fields.end, by.at)?;
        if window.end <= by.at {
            return Err(AccessError::BadWindow("the end is in the past"));
        }
        validate::perms(&fields.perms)?;
        validate::note(&fields.note)?;
        validate::uses(fields.max_uses)?;
        let _order = self.order().await?;
        let secret = random_secret();
        let share = Share {
            id: validate::uuid(fields.id)?,
            camera: fields.camera,
            secret: SecretDigest::of(&secret),
            window,
            perms: fields.perms,
            saving: fields.saving,
            max_uses: fields.max_uses,
            uses: 0,
            note: fields.note,
            created: by.at,
        };
        if !lock(&self.ledger).cameras.contains_key(&share.camera) {
            return Err(AccessError::NoSuch("camera"));
        }
        let known = lock(&self.ledger).share(&share.id).cloned();
        if let Some(found) = known {
            return self.add_again(by, found, share, secret, told).await;
        }
        let audit = entry(by, "share.added", &share);
        let put = store.put_share(&share, Put::New, &audit);
        match self.change(Changed::Share(share.id.clone()), put).await {
            // The answer was lost; memory has heard of it now.
            Err(StoreError::Exists) if is_given => {
                let found = lock(&self.ledger).share(&share.id).cloned();
                let found = found.ok_or(AccessError::IdTaken(SUCH_A_LINK))?;
                return self.add_again(by, found, share, secret, told).await;
            }
            put => put.map_err(of_store)?,
        }
        Ok((share, secret))
    }

    /// Makes the link that was asked for out of the one that is there under its id.
    async fn add_again(
        &self,
        by: &By,
        found: Share,
        wanted: Share,
        secret: String,
        told: Told,
    ) -> Result<(Share, String)> {
        let same_start = !told.start || found.window.start == wanted.window.start;
        let length = |window: Window| window.end.duration_since(window.start);
        let same_end = match told.end {
            true => found.window.end == wanted.window.end,
            false => length(found.window) == length(wanted.window),
        };
        let is_same = same_start
            && same_end
            && found.uses == 0
            && (&found.camera, &found.perms, found.max_uses, &found.note)
                == (&wanted.camera, &wanted.perms, wanted.max_uses, &wanted.note)
            && found.saving == wanted.saving;
        if !is_same {
            return Err(AccessError::IdTaken(SUCH_A_LINK));
        }
        let share = Share {
            window: found.window,
            created: found.created,
            ..wanted
        };
        let audit = entry(by, "share.rotated", &share);
        let put = self.store()?.put_share(&share, Put::Existing, &audit);
        let put = self.change(Changed::Share(share.id.clone()), put);
        put.await.map_err(of_store)?;
        Ok((share, secret))
    }

    /// Gives a link another secret, and all its uses again. Whoever has opened the old one is out.
    pub(crate) async fn rotate_share(&self, by: &By, id: &str) -> Result<(Share, String)> {
        let store = self.store()?;
        let _order = self.order().await?;
        self.refresh(Changed::Share(id.to_owned())).await?;
        let mut share = self.share(id)?;
        if share.window.end <= by.at {
            return Err(AccessError::LinkSpent);
        }
        let secret = random_secret();
        share.secret = SecretDigest::of(&secret);
        share.uses = 0;
        let audit = entry(by, "share.rotated", &share);
        let put = store.put_share(&share, Put::Existing, &audit);
        let put = self.change(Changed::Share(id.to_owned()), put);
        put.await.map_err(of_store)?;
        Ok((share, secret))
    }

    /// Opens a share link. A browser that has opened it before goes on with what it has.
    pub(crate) async fn open_share(
        &self,
        secret: &SecretDigest,
        known: Known,
        now: Timestamp,
    ) -> Result<NewLogin> {
        let store = self.store()?;
        let _order = self.order().await?;
        let by_server = By {
            actor: "server".to_owned(),
            at: now,
        };
        self.keep_call_link(secret, &by_server).await?;
        let share = lock(&self.ledger).share_by(secret).cloned();
        let share = share.ok_or(AccessError::WrongSecret)?;
        let user = share_user(&share.id);
        let by = By {
            actor: user.clone(),
            at: now,
        };
        if share.window.end <= now {
            return Err(AccessError::LinkSpent);
        }
        if share.window.start > now {
            return Err(AccessError::LinkNotYet(share.window.start));
        }
        if let Some(cookie) = known.cookie
            && let Some(login) = self.succeed(&cookie, &user, None, &by).await?
        {
            return Ok(login);
        }
        if share.uses >= share.max_uses {
            return Err(AccessError::LinkSpent);
        }
        let is_elsewhere = store.is_call_elsewhere(&share.id).await;
        if is_elsewhere.map_err(of_store)? {
            return Err(AccessError::CallElsewhere);
        }
        let (cookie, login) = self.new_login(Holder::Share(share.id.clone()), now);
        // For as long as the link is good, which is what its bearer was promised.
        let login = Login {
            until: share.window.end,
            ..login
        };
        let mut audit = by.entry("share.opened");
        audit.camera = Some(share.camera.clone());
        audit.subject = Some(share.id.clone());
        let used = store.use_share(secret, &login, now, &audit);
        let used = self.change_logins(Changed::Share(share.id), used);
        let used: Share = used.await.map_err(of_store)?;
        lock(&self.ledger).put_share(used);
        Ok(self.remember(&user, None, cookie, &login, now))
    }

    pub(crate) async fn remove_share(&self, by: &By, id: &str) -> Result<()> {
        let store = self.store()?;
        let _order = self.order().await?;
        let share = self.share(id)?;
        let audit = entry(by, "share.removed", &share);
        let removed = store.remove_share(id, &audit);
        let removed = self.change(Changed::Share(id.to_owned()), removed);
        removed.await.map_err(of_store)?;
        lock(&self.removed).put(share, by.at);
        Ok(())
    }

    /// Puts a link back that was taken back a moment ago, with its secret. Its log-ins are gone, so that it has all its uses
    /// again.
    pub(crate) async fn restore_share(&self, by: &By, id: &str) -> Result<Share> {
        let store = self.store()?;
        let _order = self.order().await?;
        let share = lock(&self.removed).get(id, by.at);
        let share = share.ok_or(AccessError::NotFound(
            "no link of this id was taken back here within the last minute",
        ))?;
        if share.window.end <= by.at {
            return Err(AccessError::LinkSpent);
        }
        let share = Share { uses: 0, ..share };
        let audit = entry(by, "share.restored", &share);
        let put = store.put_share(&share, Put::New, &audit);
        let put = self.change(Changed::Share(id.to_owned()), put);
        put.await.map_err(of_store)?;
        lock(&self.removed).restored(id);
        Ok(share)
    }
}

pub(super) fn entry(by: &By, action: &str, share: &Share) -> crate::model::AuditEntry {
    crate::model::AuditEntry {
        camera: Some(share.camera.clone()),
        subject: Some(share.id.clone()),
        details: json!({
            "start": share.window.start,
            "end": share.window.end,
            "perms": share.perms,
            "saving": (!share.saving).then_some(false),
            "uses": share.max_uses,
        }),
        ..by.entry(action)
    }
}
