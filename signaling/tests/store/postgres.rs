// SPDX-License-Identifier: MPL-2.0
//! Debian's PostgreSQL, for as long as this process lives, however that ends: the script that runs it reads from a pipe.

use std::io::{BufRead as _, BufReader, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering::Relaxed};

use rustix::process::{Pid, Signal, kill_process};
use sqlx::{AssertSqlSafe, Connection as _, Executor as _, PgConnection};

/// A server without tables.
pub(crate) struct Postgres {
    folder: PathBuf,
    script: Child,
    commands: Option<ChildStdin>,
    answers: BufReader<ChildStdout>,
}

/// Processes that stand still until this is dropped.
pub(crate) struct Frozen(Vec<Pid>);

impl Drop for Frozen {
    fn drop(&mut self) {
        signal(&self.0, Signal::CONT);
    }
}

fn signal(ids: &[Pid], signal: Signal) {
    for id in ids {
        // One that has ended meanwhile is none to stop.
        let _ = kill_process(*id, signal);
    }
}

static NUMBER: AtomicU32 = AtomicU32::new(0);

impl Postgres {
    /// Starts one. As root, it runs as the user `postgres`, since PostgreSQL refuses root.
    pub(crate) fn start() -> Self {
        let name = format!(
            "porthole-postgres-{}-{}",
            std::process::id(),
            NUMBER.fetch_add(1, Relaxed)
        );
        let folder = std::env::temp_dir().join(name);
        let mut command = match rustix::process::geteuid().is_root() {
            true => {
                let mut command = Command::new("runuser");
                command.args(["-u", "postgres", "--"]).arg("sh");
                command
            }
            false => Command::new("sh"),
        };
        let script = include_str!("postgres.sh");
        let mut script = command
            .args(["-c", script, "postgres.sh"])
            .args([&programs(), &folder])
            .current_dir("/")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("runuser and sh are part of Debian");
        let mut server = Self {
            folder,
            commands: script.stdin.take(),
            answers: BufReader::new(script.stdout.take().unwrap()),
            script,
        };
        server.wait_until_ready();
        server
    }

    /// Stops it without letting it write anything more, and starts it again.
    pub(crate) fn crash(&mut self) {
        self.commands
            .as_mut()
            .unwrap()
            .write_all(b"crash\n")
            .unwrap();
        self.wait_until_ready();
    }

    /// Has it stand still until the answer is dropped: it takes connections and questions, and answers none.
    pub(crate) fn freeze(&self) -> Frozen {
        let ids = self.processes();
        assert!(!ids.is_empty(), "it does not run");
        signal(&ids, Signal::STOP);
        Frozen(ids)
    }

    /// The server and all that it has started.
    fn processes(&self) -> Vec<Pid> {
        let file = std::fs::read_to_string(self.folder.join("data/postmaster.pid")).unwrap();
        let server: i32 = file.lines().next().unwrap().trim().parse().unwrap();
        let children = |id: i32| {
            let tasks = std::fs::read_dir("/proc").unwrap().flatten();
            let ids = tasks.filter_map(|task| task.file_name().to_str()?.parse::<i32>().ok());
            let of_it = move |child: &i32| {
                // The name in brackets may hold anything; what follows it is state and parent.
                let stat = std::fs::read_to_string(format!("/proc/{child}/stat"));
                let parent = stat.ok().and_then(|stat| {
                    let (_, rest) = stat.rsplit_once(')')?;
                    rest.split_whitespace().nth(1)?.parse::<i32>().ok()
                });
                parent == Some(id)
            };
            ids.filter(of_it).collect::<Vec<_>>()
        };
        let all = std::iter::once(server).chain(children(server));
        all.filter_map(Pid::from_raw).collect()
    }

    fn wait_until_ready(&mut self) {
        let mut line = String::new();
        self.answers.read_line(&mut line).unwrap();
        assert_eq!(
            line, "ready\n",
            "PostgreSQL did not start: scripts/install test installs it"
        );
    }

    /// The URL of a new database.
    pub(crate) async fn database(&self) -> String {
        let name = format!("db{}", NUMBER.fetch_add(1, Relaxed));
        let mut connection = PgConnection::connect(&self.url("postgres")).await.unwrap();
        let sql = format!("CREATE DATABASE {name}");
        connection.execute(AssertSqlSafe(sql)).await.unwrap();
        connection.close().await.unwrap();
        self.url(&name)
    }

    fn url(&self, database: &str) -> String {
        let folder = self.folder.display();
        format!("postgres://porthole@localhost/{database}?host={folder}")
    }
}

impl Drop for Postgres {
    fn drop(&mut self) {
        drop(self.commands.take());
        let _ = self.script.wait();
    }
}

/// The URL of a new database in the server that all tests of this process share.
pub(crate) async fn shared_database() -> String {
    static SERVER: OnceLock<Postgres> = OnceLock::new();
    SERVER.get_or_init(Postgres::start).database().await
}

/// Where Debian has `initdb` and `pg_ctl`: in a folder for each version, of which the latest is taken.
fn programs() -> PathBuf {
    let versions = std::fs::read_dir("/usr/lib/postgresql")
        .into_iter()
        .flatten();
    let version = |path: &Path| path.file_name()?.to_str()?.parse::<u32>().ok();
    let folders = versions.filter_map(|entry| Some(entry.ok()?.path()));
    let latest = folders.max_by_key(|path| version(path));
    latest
        .expect("PostgreSQL is missing: scripts/install test installs it")
        .join("bin")
}
