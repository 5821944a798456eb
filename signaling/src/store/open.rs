// SPDX-License-Identifier: MPL-2.0
//! Opens a database: its file or its address, its connections, and the form of its tables.

use std::io;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

#[cfg(feature = "postgres")]
use porthole_protocol::random_secret;
use sqlx::any::{AnyPoolOptions, install_default_drivers};
use sqlx::migrate::{MigrateError, Migration, MigrationType, Migrator};
use sqlx::{AnyConnection, AnyPool, Executor, SqlSafeStr};
use url::Url;

use super::file::create_private;
#[cfg(feature = "postgres")]
use super::sql::Shared;
use super::sql::{Kind, Sql};
use super::{Result, Store, StoreError};

/// Connections for questions to an SQLite file, each with a thread and some 2 MB of cache. The server asks little,
/// since it keeps a snapshot.
const SQLITE_READERS: u32 = 2;
/// Connections to PostgreSQL. It allows 100 in all, for some servers and for people.
#[cfg(feature = "postgres")]
const POSTGRES_CONNECTIONS: u32 = 8;
/// How long a call waits for a free connection, before it fails: as long as a person waits for an answer.
const ACQUIRE_TIMEOUT: Duration = Duration::from_secs(10);

/// Of each connection to SQLite. With `FULL`, what was committed is on disk, also after a power cut. Others that write
/// (a command beside the server) are waited for up to 5 s.
const SQLITE_SETUP: &str = "PRAGMA busy_timeout = 5000; PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; \
     PRAGMA foreign_keys = ON; PRAGMA trusted_schema = OFF";
/// Of each connection to PostgreSQL: nothing is waited for longer than a person would wait.
#[cfg(feature = "postgres")]
const POSTGRES_SETUP: &str = "SET statement_timeout = '30s'; SET lock_timeout = '5s'; \
     SET idle_in_transaction_session_timeout = '30s'";

const SQLITE_MIGRATIONS: &[(&str, &str)] = &[
    ("access", include_str!("migrations/sqlite/0001_access.sql")),
    (
        "second factor",
        include_str!("migrations/sqlite/0002_second_factor.sql"),
    ),
    (
        "calendar",
        include_str!("migrations/sqlite/0003_calendar.sql"),
    ),
    (
        "passkeys",
        include_str!("migrations/sqlite/0004_passkeys.sql"),
    ),
    ("calls", include_str!("migrations/sqlite/0005_calls.sql")),
    ("push", include_str!("migrations/sqlite/0006_push.sql")),
    ("door", include_str!("migrations/sqlite/0007_door.sql")),
    ("saving", include_str!("migrations/sqlite/0008_saving.sql")),
    (
        "self booking",
        include_str!("migrations/sqlite/0009_self_booking.sql"),
    ),
    (
        "camera fences",
        include_str!("migrations/sqlite/0010_camera_fences.sql"),
    ),
];
#[cfg(feature = "postgres")]
const POSTGRES_MIGRATIONS: &[(&str, &str)] = &[
    (
        "access",
        include_str!("migrations/postgres/0001_access.sql"),
    ),
    (
        "second factor",
        include_str!("migrations/postgres/0002_second_factor.sql"),
    ),
    (
        "calendar",
        include_str!("migrations/postgres/0003_calendar.sql"),
    ),
    (
        "passkeys",
        include_str!("migrations/postgres/0004_passkeys.sql"),
    ),
    ("calls", include_str!("migrations/postgres/0005_calls.sql")),
    ("push", include_str!("migrations/postgres/0006_push.sql")),
    ("door", include_str!("migrations/postgres/0007_door.sql")),
    (
        "saving",
        include_str!("migrations/postgres/0008_saving.sql"),
    ),
    (
        "self booking",
        include_str!("migrations/postgres/0009_self_booking.sql"),
    ),
    (
        "camera fences",
        include_str!("migrations/postgres/0010_camera_fences.sql"),
    ),
];

/// Opens the database at `place`, the path of an SQLite file or a `postgres://` URL, and brings its tables to this
/// version's form. A file that is not there is made, for its owner alone.
///
/// # Errors
/// [`StoreError::Unusable`] if it is no database of ours or one of a later version, [`StoreError::Database`] if it does
/// not answer.
pub async fn open(place: &str) -> Result<Arc<dyn Store>> {
    install_default_drivers();
    let store = match place.split_once("://") {
        Some(("postgres" | "postgresql", _)) => open_postgres(place).await?,
        _ => open_sqlite(Path::new(place)).await?,
    };
    Ok(Arc::new(store))
}

async fn open_sqlite(path: &Path) -> Result<Sql> {
    let unusable = |error: &io::Error| StoreError::file(path, error);
    match create_private(path) {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => return Err(unusable(&error)),
        _ => (),
    }
    // As a URL, so that no character of the name is taken for anything else.
    let path = path.canonicalize().map_err(|error| unusable(&error))?;
    let url = Url::from_file_path(&path)
        .map_err(|()| unusable(&io::ErrorKind::InvalidFilename.into()))?;
    let url = format!("sqlite://{}", url.path());
    let writers = connect(&url, 1, SQLITE_SETUP).await?;
    // In one transaction, since the program may have been started twice.
    let mut tx = writers.begin_with("BEGIN IMMEDIATE").await?;
    migrate(&mut tx, SQLITE_MIGRATIONS).await?;
    tx.commit().await?;
    Ok(Sql {
        kind: Kind::Sqlite,
        writers,
        readers: connect(&url, SQLITE_READERS, SQLITE_SETUP).await?,
        #[cfg(feature = "postgres")]
        shared: None,
    })
}

#[cfg(feature = "postgres")]
async fn open_postgres(url: &str) -> Result<Sql> {
    let url = with_verified_tls(url)?;
    let pool = connect(url.as_str(), POSTGRES_CONNECTIONS, POSTGRES_SETUP).await?;
    migrate(&mut *pool.acquire().await?, POSTGRES_MIGRATIONS).await?;
    Ok(Sql {
        kind: Kind::Postgres,
        writers: pool.clone(),
        readers: pool,
        shared: Some(Shared {
            url: url.into(),
            own: random_secret(),
        }),
    })
}

#[cfg(not(feature = "postgres"))]
async fn open_postgres(_: &str) -> Result<Sql> {
    let words = "this program was built without PostgreSQL: leave database.url out, or build it with the feature";
    Err(StoreError::Unusable(words.to_owned()))
}

/// A database on another machine is reached through TLS with a verified certificate, unless the URL says otherwise:
/// the driver itself would go on without when the server offers none.
#[cfg(feature = "postgres")]
fn with_verified_tls(url: &str) -> Result<Url> {
    let mut url: Url = url
        .parse()
        .map_err(|error| StoreError::Unusable(format!("database.url is no URL: {error}")))?;
    let (mut has_mode, mut host) = (false, url.host_str().unwrap_or_default().to_owned());
    for (key, value) in url.query_pairs() {
        match &*key {
            "sslmode" | "ssl-mode" => has_mode = true,
            "host" => host = value.into_owned(),
            _ => (),
        }
    }
    let is_socket = host.is_empty() || host.starts_with('/') || host.starts_with("%2F");
    let is_here = is_socket || ["localhost", "127.0.0.1", "[::1]"].contains(&&*host);
    if !has_mode && !is_here {
        url.query_pairs_mut().append_pair("sslmode", "verify-full");
    }
    Ok(url)
}

async fn connect(url: &str, connections: u32, setup: &'static str) -> Result<AnyPool> {
    let pool = AnyPoolOptions::new()
        .max_connections(connections)
        .acquire_timeout(ACQUIRE_TIMEOUT)
        .after_connect(move |connection, _| {
            Box::pin(async move { connection.execute(setup).await.map(|_| ()) })
        });
    Ok(pool.connect(url).await?)
}

async fn migrate(
    connection: &mut AnyConnection,
    texts: &[(&'static str, &'static str)],
) -> Result<()> {
    let migrations = (1..).zip(texts).map(|(version, (name, text))| {
        let (name, sql) = ((*name).into(), text.into_sql_str());
        Migration::new(version, name, MigrationType::Simple, sql, false)
    });
    let migrator = Migrator::with_migrations(migrations.collect());
    // Not `run`: the compiler does not see that its future may move between threads.
    let migrated = migrator.run_direct(None, connection, false).await;
    migrated.map_err(unusable_tables)
}

fn unusable_tables(error: MigrateError) -> StoreError {
    match error {
        MigrateError::VersionMissing(version) => StoreError::Unusable(format!(
            "a later version of this program has changed its tables (to form {version}): use that version or later"
        )),
        error => StoreError::Unusable(format!("its tables are not of this program: {error}")),
    }
}

#[cfg(all(test, feature = "postgres"))]
mod tests {
    use super::*;

    #[test]
    fn a_database_elsewhere_is_reached_through_verified_tls_unless_the_url_says_otherwise() {
        let cases = [
            ("postgres://user@db.example/porthole", true),
            (
                "postgresql://user@192.0.2.7:6432/porthole?application_name=x",
                true,
            ),
            ("postgres://user@localhost/porthole?host=db.example", true),
            ("postgres://user@db.example/porthole?sslmode=disable", false),
            ("postgres://user@localhost/porthole", false),
            ("postgres://user@[::1]/porthole", false),
            (
                "postgres://user@localhost/porthole?host=/run/postgresql",
                false,
            ),
            ("postgres://user@%2Frun%2Fpostgresql/porthole", false),
        ];
        for (url, added) in cases {
            let opened = with_verified_tls(url).unwrap();
            let modes = opened
                .query_pairs()
                .filter(|(_, value)| value == "verify-full");
            assert_eq!(modes.count(), usize::from(added), "{url}");
        }
    }

    #[test]
    fn what_is_no_url_is_refused_without_showing_it() {
        let Err(error) = with_verified_tls("postgres://user:hunter2@:x/") else {
            panic!("it is one");
        };
        assert!(!error.to_string().contains("hunter2"), "{error}");
    }
}
