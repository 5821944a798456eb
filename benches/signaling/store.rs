// SPDX-License-Identifier: MPL-2.0
//! Bookings written one after the other by some at once, each acknowledged when it is on disk.

use std::fs::{File, create_dir, remove_dir_all};
use std::io::Write as _;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use jiff::Timestamp;
use porthole_protocol::grant::Permission;
use porthole_signaling::SecretDigest;
use porthole_signaling::model::{AuditEntry, Booking, Camera, Role, User, Window};
use porthole_signaling::store::{Put, Store, open};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::Failure;
use crate::postgres::Postgres;

/// Writers take turns at these, so that some meet at one.
const CAMERAS: usize = 8;

/// Bookings with `control`, which are looked at beside others of the camera; in ms, how long each took.
pub(crate) async fn bookings(kind: &str, writers: usize, time: Duration) -> Result<Value, Failure> {
    let folder = Folder::new()?;
    let server;
    let place = match kind {
        "sqlite" => folder.0.join("porthole.db").display().to_string(),
        "postgres" => {
            server = Postgres::start();
            server.database().await
        }
        _ => return Err(format!("{kind}: there are sqlite and postgres").into()),
    };
    let store = open(&place).await?;
    furnish(&*store).await?;
    let started = Instant::now();
    let running = (0..writers).map(|writer| {
        let store = store.clone();
        tokio::spawn(async move { write_until(store, writer, started + time).await })
    });
    let mut ms = Vec::new();
    for writer in running.collect::<Vec<_>>() {
        ms.extend(writer.await??);
    }
    let seconds = started.elapsed().as_secs_f64();
    Ok(json!({ "perSecond": ms.len() as f64 / seconds, "ms": ms }))
}

async fn furnish(store: &dyn Store) -> Result<(), Failure> {
    let created = Timestamp::now();
    for number in 0..CAMERAS {
        let camera = Camera {
            id: format!("camera{number}"),
            name: String::new(),
            secret: SecretDigest::of(&number.to_string()),
            created,
            last_seen: None,
        };
        store
            .put_camera(&camera, Put::New, &entry("camera.added", &camera.id))
            .await?;
    }
    let user = User {
        name: "anna".to_owned(),
        role: Role::Viewer,
        password: None,
        token: None,
        created,
    };
    store
        .put_user(&user, Put::New, &entry("user.added", ""))
        .await?;
    Ok(())
}

/// Each writer has minutes of its own, so that no booking is refused.
async fn write_until(
    store: Arc<dyn Store>,
    writer: usize,
    end: Instant,
) -> Result<Vec<f64>, Failure> {
    let mut ms = Vec::new();
    while Instant::now() < end {
        let minute = |number: usize| {
            Timestamp::from_second(1_800_000_000 + 60 * (1_000_000 * writer + number) as i64)
        };
        let booking = Booking {
            id: Uuid::now_v7().to_string(),
            camera: format!("camera{}", (writer + ms.len()) % CAMERAS),
            user: "anna".to_owned(),
            window: Window {
                start: minute(ms.len())?,
                end: minute(ms.len() + 1)?,
            },
            perms: [Permission::View, Permission::Control].into(),
            saving: true,
            recurrence: None,
            note: String::new(),
            own: false,
            created: Timestamp::now(),
        };
        let entry = entry("booking.added", &booking.id);
        let begun = Instant::now();
        store
            .put_booking(&booking, &[booking.window], Put::New, &entry)
            .await?;
        ms.push(begun.elapsed().as_secs_f64() * 1e3);
    }
    Ok(ms)
}

fn entry(action: &str, subject: &str) -> AuditEntry {
    AuditEntry {
        at: Timestamp::now(),
        actor: "cli".to_owned(),
        action: action.to_owned(),
        camera: None,
        user: Some("anna".to_owned()),
        subject: Some(subject.to_owned()),
        details: json!({}),
    }
}

/// What the disk takes for a page that has to be on it: the least that a change can take.
pub(crate) fn syncs(time: Duration) -> Result<Value, Failure> {
    let folder = Folder::new()?;
    let mut file = File::create(folder.0.join("pages"))?;
    let (started, mut ms) = (Instant::now(), Vec::new());
    while started.elapsed() < time {
        let begun = Instant::now();
        file.write_all(&[0; 4096])?;
        file.sync_data()?;
        ms.push(begun.elapsed().as_secs_f64() * 1e3);
    }
    Ok(json!({ "perSecond": ms.len() as f64 / started.elapsed().as_secs_f64(), "ms": ms }))
}

/// Where PostgreSQL has its folder too, so that all of it is on one disk.
struct Folder(PathBuf);

impl Folder {
    fn new() -> std::io::Result<Self> {
        let path = std::env::temp_dir().join(format!("porthole-bench-{}", std::process::id()));
        create_dir(&path)?;
        Ok(Self(path))
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = remove_dir_all(&self.0);
    }
}
