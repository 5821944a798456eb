// SPDX-License-Identifier: MPL-2.0
//! The store in an SQL database. Both kinds take the same statements, numbered parameters and types (`BIGINT`, `TEXT`);
//! where they differ is in `open`.

mod audit;
mod backup;
mod bookings;
mod calls;
mod cameras;
mod import;
mod logins;
mod passkeys;
mod push;
mod second_factors;
mod self_booking;
mod shares;
mod store;
mod users;

use sqlx::any::{AnyArguments, AnyQueryResult, AnyRow};
use sqlx::{Any, AnyConnection, AnyPool, FromRow};

#[cfg(feature = "postgres")]
use super::watch;
use super::{Changed, MAX_ROWS, Result, StoreError};

/// A database, by its connections.
pub(super) struct Sql {
    pub(super) kind: Kind,
    /// For changes. SQLite has one of these, and so never two writers.
    pub(super) writers: AnyPool,
    pub(super) readers: AnyPool,
    /// Of a database that others may change as well.
    #[cfg(feature = "postgres")]
    pub(super) shared: Option<Shared>,
}

/// How others on the same database are heard and told.
#[cfg(feature = "postgres")]
pub(super) struct Shared {
    /// Where the database is.
    pub(super) url: String,
    /// By what one's own word is known from that of others.
    pub(super) own: String,
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Sqlite,
    #[cfg(feature = "postgres")]
    Postgres,
}

impl Kind {
    /// Begins a change. SQLite takes its lock at once: one that read first could not get it later.
    fn begin_change(self) -> &'static str {
        match self {
            Self::Sqlite => "BEGIN IMMEDIATE",
            #[cfg(feature = "postgres")]
            Self::Postgres => "BEGIN ISOLATION LEVEL READ COMMITTED",
        }
    }

    /// Begins questions that are answered as of one moment.
    fn begin_questions(self) -> &'static str {
        match self {
            Self::Sqlite => "BEGIN",
            #[cfg(feature = "postgres")]
            Self::Postgres => "BEGIN ISOLATION LEVEL REPEATABLE READ, READ ONLY",
        }
    }
}

type Question<'q> = sqlx::query::Query<'q, Any, AnyArguments>;
type Transaction = sqlx::Transaction<'static, Any>;

impl Sql {
    async fn begin_change(&self) -> Result<Transaction> {
        Ok(self.writers.begin_with(self.kind.begin_change()).await?)
    }

    /// By what this server is known among those on one database, if there may be others.
    #[cfg(feature = "postgres")]
    fn own(&self) -> Option<&str> {
        self.shared.as_ref().map(|shared| &*shared.own)
    }

    #[cfg(not(feature = "postgres"))]
    fn own(&self) -> Option<&str> {
        None
    }

    /// Tells others what has changed, once this is through.
    #[cfg(feature = "postgres")]
    async fn tell(&self, tx: &mut AnyConnection, changed: Option<Changed>) -> Result<()> {
        match (&self.shared, changed) {
            (Some(shared), Some(changed)) => watch::tell(tx, &shared.own, &changed).await,
            _ => Ok(()),
        }
    }

    #[cfg(not(feature = "postgres"))]
    async fn tell(&self, _: &mut AnyConnection, _: Option<Changed>) -> Result<()> {
        Ok(())
    }

    /// Nothing of it remains, so it is dropped when it was answered.
    async fn begin_questions(&self) -> Result<Transaction> {
        Ok(self.readers.begin_with(self.kind.begin_questions()).await?)
    }
}

fn of_user(name: &str) -> Option<Changed> {
    Some(Changed::User(name.to_owned()))
}

fn of_camera(id: &str) -> Option<Changed> {
    Some(Changed::Camera(id.to_owned()))
}

fn of_booking(id: &str) -> Option<Changed> {
    Some(Changed::Booking(id.to_owned()))
}

/// Whether a change found its row.
fn changed(done: AnyQueryResult) -> Result<()> {
    match done.rows_affected() {
        0 => Err(StoreError::NotFound),
        _ => Ok(()),
    }
}

fn limit(asked: u32) -> i64 {
    match asked {
        0 => MAX_ROWS.into(),
        asked => asked.min(MAX_ROWS).into(),
    }
}

/// Those that are wanted, joined.
fn conditions(all: &[(&str, bool)]) -> String {
    let wanted = all.iter().filter(|(_, wanted)| *wanted);
    let wanted: Vec<_> = wanted.map(|(condition, _)| *condition).collect();
    match wanted.is_empty() {
        true => "1 = 1".to_owned(),
        false => wanted.join(" AND "),
    }
}

/// What `LIKE` finds a text by, amid others, in small letters; `!` goes before what means something else there.
fn like(text: &str) -> String {
    let mut pattern = "%".to_owned();
    for letter in text.to_lowercase().chars() {
        if matches!(letter, '%' | '_' | '!') {
            pattern.push('!');
        }
        pattern.push(letter);
    }
    pattern.push('%');
    pattern
}

fn all<T: for<'r> FromRow<'r, AnyRow>>(rows: Vec<AnyRow>) -> Result<Vec<T>> {
    Ok(rows.iter().map(T::from_row).collect::<sqlx::Result<_>>()?)
}
