// SPDX-License-Identifier: MPL-2.0
//! Accounts come, change and go.

use porthole_protocol::random_secret;
use serde_json::json;

use super::password::{Asker, Verdict, generate};
use super::{Access, AccessError, By, Known, NewLogin, Result, validate};
use crate::lock::lock;
use crate::model::{Role, User};
use crate::registry::{Origin, SecretDigest};
use crate::store::{Changed, Put, StoreError};
use crate::token::check_password;

/// A password that someone is to have.
#[derive(Clone)]
pub(crate) enum NewPassword {
    Given(String),
    Generated,
}

/// What is to be another.
#[derive(Clone, Default)]
pub(crate) struct UserChange {
    pub(crate) role: Option<Role>,
    pub(crate) password: Option<NewPassword>,
}

fn changed(name: &str) -> Changed {
    Changed::User(name.to_owned())
}

pub(super) fn of_store(error: StoreError) -> AccessError {
    AccessError::of_store(error, "a user of this name", "no user of this name")
}

/// The password itself, and once more if it was made here.
fn chosen(name: &str, password: NewPassword) -> Result<(String, Option<String>)> {
    match password {
        NewPassword::Given(password) => {
            check_password(&password, name)?;
            Ok((password, None))
        }
        NewPassword::Generated => {
            let made = generate();
            Ok((made.clone(), Some(made)))
        }
    }
}

impl Access {
    /// So many users of the database, by name, those after one.
    pub(crate) fn users(
        &self,
        after: Option<&str>,
        most: usize,
        found: impl Fn(&User) -> bool,
    ) -> Result<Vec<User>> {
        self.store()?;
        let ledger = lock(&self.ledger);
        let rest = ledger.users_after(after).filter(|user| found(user));
        Ok(rest.take(most).cloned().collect())
    }

    pub(crate) fn user(&self, name: &str) -> Result<User> {
        self.store()?;
        let user = lock(&self.ledger).user(name).cloned();
        user.ok_or_else(|| match lock(&self.registry).account(name) {
            Some(account) if account.origin == Origin::File => AccessError::InTheFile,
            _ => AccessError::NotFound("no user of this name"),
        })
    }

    /// Adds a user, and returns the password if it was made here. One that is there by the same request, and is the same, is
    /// what was asked for.
    pub(crate) async fn add_user(
        &self,
        by: &By,
        name: &str,
        role: Role,
        password: NewPassword,
        request: Option<String>,
    ) -> Result<(User, Option<String>)> {
        let store = self.store()?;
        validate::user_name(name)?;
        let request = validate::request(request)?;
        let (password, made) = match (password, &request) {
            (NewPassword::Generated, Some(request)) => {
                let made = self.repeats.password(name, request);
                (made.clone(), Some(made))
            }
            (password, _) => chosen(name, password)?,
        };
        let hash = self.passwords.hash(password.clone()).await?;
        let order = self.order().await?;
        if request.is_some() {
            // The answer may have been lost, and with it what memory was to hear.
            self.refresh(changed(name)).await?;
        }
        if lock(&self.registry).is_taken(name) {
            drop(order);
            return match request {
                Some(_) => Ok((self.same_user(name, role, password).await?, made)),
                None => Err(AccessError::Exists("a user of this name")),
            };
        }
        let user = User {
            name: name.to_owned(),
            role,
            password: Some(hash),
            token: None,
            created: by.at,
        };
        let mut audit = by.entry("user.added");
        audit.user = Some(name.to_owned());
        audit.details = json!({ "role": role });
        let put = self.change(changed(name), store.put_user(&user, Put::New, &audit));
        put.await.map_err(of_store)?;
        Ok((user, made))
    }

    /// The user of this name, if it has this role and this password.
    async fn same_user(&self, name: &str, role: Role, password: String) -> Result<User> {
        let user = self.user(name)?;
        let asker = Asker::new(None, true);
        let verdict = self
            .passwords
            .verify(asker, password, user.password.clone());
        match user.role == role && verdict.await? != Verdict::Wrong {
            true => Ok(user),
            false => Err(AccessError::IdTaken("a user of this name")),
        }
    }

    /// Changes a user, who has to log in again. Returns the password if it was made here.
    pub(crate) async fn change_user(
        &self,
        by: &By,
        name: &str,
        change: UserChange,
    ) -> Result<(User, Option<String>)> {
        let store = self.store()?;
        self.user(name)?;
        let (hash, made) = match change.password {
            Some(password) => {
                let (hash, made) = self.new_hash(name, password).await?;
                (Some(hash), made)
            }
            None => (None, None),
        };
        let _order = self.order().await?;
        self.refresh(changed(name)).await?;
        let mut user = self.user(name)?;
        let role = change.role.filter(|role| *role != user.role);
        self.check_administrators(&user, role)?;
        let mut audit = by.entry("user.changed");
        audit.user = Some(name.to_owned());
        audit.details = json!({ "role": role, "password": hash.is_some() });
        if role.is_none() && hash.is_none() {
            return Ok((user, None));
        }
        user.role = role.unwrap_or(user.role);
        user.password = hash.or(user.password);
        let put = self.change(changed(name), store.put_user_anew(&user, None, &audit));
        put.await.map_err(of_store)?;
        Ok((user, made))
    }

    /// Gives a user a link of its own, with this token. The one before is void, and with it everything that runs.
    pub(crate) async fn new_token(&self, by: &By, name: &str) -> Result<String> {
        let store = self.store()?;
        let _order = self.order().await?;
        self.refresh(changed(name)).await?;
        let mut user = self.user(name)?;
        let token = random_secret();
        user.token = Some(SecretDigest::of(&token));
        let mut audit = by.entry("user.token");
        audit.user = Some(name.to_owned());
        let put = self.change(changed(name), store.put_user_anew(&user, None, &audit));
        put.await.map_err(of_store)?;
        Ok(token)
    }

    /// Ends a user's log-ins and all that runs for it, and takes nothing else.
    pub(crate) async fn sign_out(&self, by: &By, name: &str) -> Result<()> {
        let store = self.store()?;
        let _order = self.order().await?;
        self.refresh(changed(name)).await?;
        let user = self.user(name)?;
        let mut audit = by.entry("user.signed-out");
        audit.user = Some(name.to_owned());
        let put = self.change(changed(name), store.put_user_anew(&user, None, &audit));
        put.await.map_err(of_store)?;
        self.sign_out_here(name);
        Ok(())
    }

    /// Removes a user, its bookings and log-ins.
    pub(crate) async fn remove_user(&self, by: &By, name: &str) -> Result<()> {
        let store = self.store()?;
        let _order = self.order().await?;
        let user = self.user(name)?;
        self.check_administrators(&user, Some(Role::Viewer))?;
        let mut audit = by.entry("user.removed");
        audit.user = Some(name.to_owned());
        let bookings = lock(&self.ledger).bookings_of(name);
        audit.details = json!({ "role": user.role, "bookings": bookings });
        let removed = self.change(changed(name), store.remove_user(name, &audit));
        removed.await.map_err(of_store)
    }

    /// Changes a user's own password. All of the user's log-ins end but this one, which gets another cookie.
    pub(crate) async fn change_password(
        &self,
        by: &By,
        name: &str,
        (old, new): (String, String),
        known: Known,
    ) -> Result<Option<NewLogin>> {
        let store = self.store()?;
        self.user(name)?;
        check_password(&new, name)?;
        let (seen, verdict) = self.check(name, old, &known).await?;
        if verdict == Verdict::Wrong {
            return Err(AccessError::WrongPassword);
        }
        let hash = self.passwords.hash(new).await?;
        let _order = self.order().await?;
        self.refresh(changed(name)).await?;
        let mut user = self.user(name)?;
        if user.password != seen {
            return Err(AccessError::WrongPassword);
        }
        user.password = Some(hash);
        let mut audit = by.entry("user.changed");
        audit.user = Some(name.to_owned());
        audit.details = json!({ "password": true });
        let own = known.cookie;
        // The store has the cookie that the log-in was given last, which the browser may not have yet.
        let current = own.and_then(|cookie| lock(&self.registry).logins.current(&cookie));
        let put = store.put_user_anew(&user, current.as_ref(), &audit);
        let put = self.change(changed(name), put);
        put.await.map_err(of_store)?;
        match own {
            Some(cookie) => self.succeed(&cookie, name, None, by).await,
            None => Ok(None),
        }
    }

    async fn new_hash(
        &self,
        name: &str,
        password: NewPassword,
    ) -> Result<(String, Option<String>)> {
        let (password, made) = chosen(name, password)?;
        Ok((self.passwords.hash(password).await?, made))
    }

    /// The store checks it too; here it is before anyone is logged out for nothing.
    fn check_administrators(&self, user: &User, becomes: Option<Role>) -> Result<()> {
        if user.role != Role::Administrator || becomes.is_none_or(|role| role == user.role) {
            return Ok(());
        }
        match lock(&self.ledger).has_other_administrators() {
            true => Ok(()),
            false => Err(AccessError::LastAdministrator),
        }
    }
}
