// SPDX-License-Identifier: MPL-2.0
//! A server with a fleet's people, bookings and cameras: how long it takes to start, what it holds, and how quickly it answers
//! while messages pass and sessions run.

use std::path::Path;
use std::time::{Duration, Instant};

use futures_util::stream::{self, StreamExt as _};
use jiff::{SignedDuration, Timestamp};
use porthole_signaling::store::{Put, open};
use porthole_signaling::{DataDir, SecretDigest};
use serde_json::{Value, json};
use sqlx::any::install_default_drivers;
use sqlx::{AnyConnection, AssertSqlSafe, Connection as _, Executor as _};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::time::{interval, interval_at};

use super::Failure;
use super::connections::{
    AT_ONCE, Folder, MESSAGES, Server, Socket, administrator, audit, hear, raise_limit, say, serve,
    text,
};

/// How much there is of each.
#[derive(Clone, Copy)]
pub(crate) struct Population {
    pub(crate) users: usize,
    pub(crate) bookings: usize,
    pub(crate) cameras: usize,
    pub(crate) connections: usize,
    pub(crate) sessions: usize,
}

/// Rows of one statement.
const ROWS: usize = 500;
/// One booking of so many recurs, weekly for a year.
const RECURRING: usize = 10;
const WEEKS: i64 = 52;
const WEEK: SignedDuration = SignedDuration::from_hours(7 * 24);
const HOUR: SignedDuration = SignedDuration::from_hours(1);
/// As long as argon2's are.
const PASSWORD: &str = "$argon2id$v=19$m=19456,t=2,p=1$c29tZXNhbHRzb21lc2FsdA$\
                        RdescudvJCsgt3ub+b+dWRWJTmaaJObGRdescudvJCs";
/// Sessions over which messages pass all the time.
const BUSY: usize = 100;
/// How long a description is: one of Chromium's with all its codecs.
const DESCRIPTION_BYTES: usize = 8 * 1024;
/// Bookings that are changed, and requests that are made, one after the other.
const CHANGES: usize = 100;
const REQUESTS: usize = 500;
/// Sessions that are started a second.
const STARTS: u64 = 50;

pub(crate) async fn measure(
    program: &str,
    of: Population,
    time: Duration,
) -> Result<Value, Failure> {
    raise_limit()?;
    let folder = Folder::new();
    let dir = DataDir::at(&folder.0);
    drop(dir.open_or_make().await?);
    let place = dir.database();
    let root = administrator();
    let store = open(&place.to_string_lossy()).await?;
    store
        .put_user(&root.0, Put::New, &audit(Timestamp::now()))
        .await?;
    drop(store);
    fill(&place, of).await?;
    eprintln!("filled");

    let begun = Instant::now();
    let mut server = serve(program, folder, None, of.connections + 1000, of.cameras + 1).await?;
    let start = begun.elapsed();
    let resident = server.resident()?;

    // Cameras first, so that nobody is told of them one by one.
    let watched = of.sessions;
    let (server_, cameras) = (&server, 0..watched);
    let mut cameras = stream::iter(cameras.map(|n| camera(server_, n))).buffered(AT_ONCE);
    let mut produced = Vec::new();
    while let Some(camera) = cameras.next().await {
        produced.push(camera?);
    }
    drop(cameras);
    let people = 0..of.connections - watched;
    let mut people = stream::iter(people.map(|n| viewer(server_, n))).buffered(AT_ONCE);
    let mut viewers = Vec::new();
    while let Some(viewer) = people.next().await {
        viewers.push(viewer?);
    }
    drop(people);
    let idle = server.resident()?.saturating_sub(resident) as f64 / of.connections as f64;

    // Those over which messages pass.
    let idle_viewers = viewers.split_off(of.sessions);
    let mut rest = viewers.split_off(BUSY);
    let rest_of_cameras = produced.split_off(BUSY);
    let first = tokio::time::Instant::now();
    let long = time * 4;
    let mut passing = Vec::new();
    for (n, (mut viewer, camera)) in viewers.into_iter().zip(produced).enumerate() {
        tokio::spawn(echo(camera));
        let session = start_session(&mut viewer, n).await?.1;
        let at = first + Duration::from_secs(1) * n as u32 / MESSAGES;
        passing.push(tokio::spawn(pass(viewer, session, at, long)));
    }
    // The others start meanwhile, at a pace.
    for camera in rest_of_cameras {
        tokio::spawn(echo(camera));
    }
    let mut pace = interval(Duration::from_secs(1) / STARTS as u32);
    let (mut starts, mut sessions) = (Vec::new(), Vec::new());
    for (n, viewer) in rest.iter_mut().enumerate() {
        pace.tick().await;
        let (ms, session) = start_session(viewer, BUSY + n).await?;
        starts.push(ms);
        sessions.push(session);
    }
    let before = server.resident()?;
    for (viewer, session) in rest.iter_mut().zip(&sessions) {
        let sdp = "a".repeat(DESCRIPTION_BYTES);
        let offer = json!({"type":"peer","sessionId":session,"sdp":{"type":"offer","sdp":sdp}});
        say(viewer, &offer).await?;
        // The camera sends it back: it has passed both connections both ways.
        hear(viewer, "peer").await?;
    }
    let grown = server.resident()?.saturating_sub(before) as f64 / (2 * sessions.len()) as f64;

    let mut me = Vec::new();
    for n in 0..REQUESTS {
        let user = (n * 7919) % of.users;
        let (ms, status, _) = request(&server, "GET /api/me", &token(user), "").await?;
        if status != 200 {
            return Err(format!("api/me answers {status}").into());
        }
        me.push(ms);
    }
    let mut all = Vec::new();
    for _ in 0..REQUESTS / 5 {
        all.push(request(&server, "GET /api/me", &root.1, "").await?.0);
    }
    let mut pages = Vec::new();
    for n in 0..REQUESTS / 5 {
        let path = format!(
            "GET /api/users?limit=100&after=user{:06}",
            n * of.users / 200
        );
        pages.push(request(&server, &path, &root.1, "").await?.0);
    }

    let mut calendar = Vec::new();
    for _ in 0..REQUESTS / 50 {
        let (from, to) = (Timestamp::now(), Timestamp::now() + WEEK);
        let path = format!("GET /api/calendar?from={from}&to={to}");
        let (ms, status, body) = request(&server, &path, &root.1, "").await?;
        if status != 200 {
            return Err(format!("the calendar is answered {status} {body}").into());
        }
        calendar.push(ms);
    }

    let mut changes = Vec::new();
    for (n, viewer) in rest.iter_mut().enumerate().take(CHANGES) {
        let path = format!("DELETE /api/bookings/{}", booking(BUSY + n));
        let begun = Instant::now();
        let revoked = request(&server, &path, &root.1, "");
        let (answer, heard) = tokio::join!(revoked, hear(viewer, "endSession"));
        heard?;
        changes.push(begun.elapsed().as_secs_f64() * 1000.0);
        let (_, status, body) = answer?;
        if status != 204 {
            return Err(format!("the booking's end is answered {status} {body}").into());
        }
    }
    let mut trips: Vec<f64> = Vec::new();
    for task in passing {
        trips.extend(task.await??);
    }
    let full = server.resident()?;
    drop(idle_viewers);
    server.child.kill().await?;
    for ms in [
        &mut starts,
        &mut me,
        &mut all,
        &mut pages,
        &mut changes,
        &mut trips,
    ] {
        ms.sort_by(f64::total_cmp);
    }
    Ok(json!({
        "startSeconds": start.as_secs_f64(),
        "resident": resident,
        "residentFull": full,
        "perConnection": idle,
        "perDescribed": idle + grown,
        "startMs": starts,
        "meMs": me,
        "meAdministratorMs": all,
        "usersMs": pages,
        "calendarMs": calendar,
        "changeMs": changes,
        "tripMs": trips,
    }))
}

fn token(user: usize) -> String {
    format!("a-token-that-nobody-guesses-{user:06}")
}

fn booking(n: usize) -> String {
    format!("01900000-0000-7000-8000-{n:012}")
}

/// Writes the rows themselves: by the server's own way each would wait for the disk.
async fn fill(place: &Path, of: Population) -> Result<(), Failure> {
    install_default_drivers();
    let mut connection = AnyConnection::connect(&format!("sqlite://{}", place.display())).await?;
    let mut tx = connection.begin().await?;
    let now = Timestamp::now() - SignedDuration::from_mins(1);
    let ms = now.as_millisecond();
    let rows = |table: &'static str, all: Box<dyn Iterator<Item = String>>| {
        let all: Vec<_> = all.collect();
        let statements = all
            .chunks(ROWS)
            .map(|rows| format!("INSERT INTO {table} VALUES {}", rows.join(",")));
        statements.collect::<Vec<_>>()
    };
    let users = (0..of.users).map(move |n| {
        let digest = SecretDigest::of(&token(n)).to_hex();
        format!("('user{n:06}','viewer','{PASSWORD}','{digest}',{ms})")
    });
    let cameras = (0..of.cameras).map(move |n| {
        let digest = SecretDigest::of(&format!("key{n}")).to_hex();
        format!("('camera{n:05}','Camera {n}','{digest}',{ms},NULL)")
    });
    let (people, places) = (of.users, of.cameras);
    let end = move |n: usize| match n % RECURRING {
        0 => (now + HOUR + WEEK * (WEEKS - 1) as i32).as_millisecond(),
        _ => (now + HOUR).as_millisecond(),
    };
    let bookings = (0..of.bookings).map(move |n| {
        let rule = match n % RECURRING {
            0 => format!("'FREQ=WEEKLY;COUNT={WEEKS}','UTC'"),
            _ => "NULL,NULL".to_owned(),
        };
        format!(
            "('{}','camera{:05}','user{:06}',{ms},{},{},'view,listen',{rule},'',{ms})",
            booking(n),
            n % places,
            n % people,
            (now + HOUR).as_millisecond(),
            end(n)
        )
    });
    let windows = (0..of.bookings).flat_map(move |n| {
        let times = if n % RECURRING == 0 { WEEKS } else { 1 };
        (0..times).map(move |week| {
            let start = now + WEEK * week as i32;
            format!(
                "('{}',{},{},'camera{:05}',0)",
                booking(n),
                start.as_millisecond(),
                (start + HOUR).as_millisecond(),
                n % places
            )
        })
    });
    let mut statements = rows("users", Box::new(users));
    statements.extend(rows("cameras", Box::new(cameras)));
    statements.extend(rows("bookings", Box::new(bookings)));
    statements.extend(rows("windows", Box::new(windows)));
    for statement in statements {
        tx.execute(AssertSqlSafe(statement)).await?;
    }
    tx.commit().await?;
    Ok(connection.close().await?)
}

async fn camera(server: &Server, n: usize) -> Result<Socket, Failure> {
    let (mut socket, _) = server.connect(Some(&format!("key{n}"))).await?;
    let status = json!({"type":"setPeerStatus","roles":["producer"],"meta":null,"porthole":{"version":1,"nonce":"n"}});
    say(&mut socket, &status).await?;
    // What is asked next is answered after the status was taken.
    say(&mut socket, &json!({"type":"list"})).await?;
    hear(&mut socket, "list").await?;
    Ok(socket)
}

async fn viewer(server: &Server, n: usize) -> Result<Socket, Failure> {
    let (mut socket, _) = server.connect(Some(&token(n))).await?;
    let status =
        json!({"type":"setPeerStatus","roles":["listener"],"meta":null,"porthole":{"version":1}});
    say(&mut socket, &status).await?;
    hear(&mut socket, "peerStatusChanged").await?;
    Ok(socket)
}

/// Milliseconds from the question to its answer, and the session.
async fn start_session(viewer: &mut Socket, n: usize) -> Result<(f64, String), Failure> {
    let begun = Instant::now();
    say(
        viewer,
        &json!({"type":"startSession","peerId":format!("camera{n:05}")}),
    )
    .await?;
    let started = hear(viewer, "sessionStarted").await?;
    let ms = begun.elapsed().as_secs_f64() * 1000.0;
    Ok((ms, text(&started, "sessionId")))
}

/// A camera that sends back what it gets, until its session is over.
async fn echo(mut camera: Socket) -> Result<(), Failure> {
    loop {
        let message = hear(&mut camera, "peer").await?;
        say(&mut camera, &message).await?;
    }
}

/// Messages there and back, and the milliseconds of each.
async fn pass(
    mut viewer: Socket,
    session: String,
    first: tokio::time::Instant,
    time: Duration,
) -> Result<Vec<f64>, Failure> {
    let each = Duration::from_secs(1) * BUSY as u32 / MESSAGES;
    let (mut ticks, begun) = (interval_at(first, each), Instant::now());
    let message = json!({"type":"peer","sessionId":session,"ice":{"candidate":"candidate:1 1 UDP 1 192.0.2.1 50000 typ host","sdpMLineIndex":0}});
    let mut trips = Vec::new();
    while begun.elapsed() < time {
        ticks.tick().await;
        let sent = Instant::now();
        say(&mut viewer, &message).await?;
        hear(&mut viewer, "peer").await?;
        trips.push(sent.elapsed().as_secs_f64() * 1000.0);
    }
    Ok(trips)
}

/// One request on a connection of its own: the milliseconds, the status and the body.
pub(crate) async fn request(
    server: &Server,
    request: &str,
    token: &str,
    body: &str,
) -> Result<(f64, u16, String), Failure> {
    let begun = Instant::now();
    let mut stream = TcpStream::connect(server.address).await?;
    let length = body.len();
    let head = format!(
        "{request} HTTP/1.1\r\nHost: {}\r\nConnection: close\r\nAuthorization: Bearer {token}\r\n\
         Content-Type: application/json\r\nContent-Length: {length}\r\n\r\n{body}",
        server.address
    );
    stream.write_all(head.as_bytes()).await?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await?;
    let ms = begun.elapsed().as_secs_f64() * 1000.0;
    let status = answer.split(' ').nth(1).ok_or("no answer")?.parse()?;
    let body = answer.split_once("\r\n\r\n").map_or("", |(_, body)| body);
    Ok((ms, status, body.to_owned()))
}
