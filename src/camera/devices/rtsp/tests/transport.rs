// SPDX-License-Identifier: MPL-2.0
//! How packets come, and when.

use std::{
    io::{self, BufRead, BufReader, Read as _, Write},
    net::{TcpListener, TcpStream},
    sync::atomic::{AtomicU32, Ordering::Relaxed},
    thread,
    time::Instant,
};

use super::*;

fn in_scheme(server: &Server, scheme: &str) -> RtspCamera {
    RtspCamera::parse(&server.address_in(scheme, "", "camera")).unwrap()
}

fn said(camera: &RtspCamera) -> String {
    Scene::new(camera, &request(RAW)).problem().text
}

#[test]
fn packets_come_in_the_connection_or_beside_it_as_the_scheme_says() {
    let tcp = Server::new(&["--transport", "tcp"]);
    for scheme in ["rtsp", "rtspt"] {
        is_shown(&in_scheme(&tcp, scheme));
    }
    let error = said(&in_scheme(&tcp, "rtspu"));
    assert!(error.contains("set camera=rtsp://"), "{error}");

    let udp = Server::new(&["--transport", "udp"]);
    is_shown(&in_scheme(&udp, "rtspu"));
    let error = said(&in_scheme(&udp, "rtspt"));
    assert!(error.contains("set camera=rtspu://"), "{error}");
}

#[test]
fn a_server_that_refuses_the_connection_is_asked_over_udp_the_next_time() {
    let server = Server::new(&["--transport", "udp"]);
    let camera = in_scheme(&server, "rtsp");
    let error = said(&camera);
    assert!(error.contains("camera=rtspu://"), "{error}");
    is_shown(&camera);
    // And should it be another by then, the other way round.
    let port = server.port.to_string();
    drop(server);
    let _server = Server::new(&["--transport", "tcp", "--port", &port]);
    said(&camera);
    is_shown(&camera);
}

#[test]
fn a_host_may_be_an_address_of_ipv6() {
    let server = Server::on("[::1]", &[]);
    is_shown(&camera(&server, "", "camera"));
}

/// Seconds by which the first stream's packets differ from what the server sent, and by which its clock does.
#[derive(Debug, Default)]
struct Shift {
    packets: AtomicU32,
    clock: AtomicU32,
    /// Sender reports that have passed.
    reports: AtomicU32,
}

/// Stands between a camera and its server, and changes what it says of the time.
fn meddle(server: &Server, shift: &Arc<Shift>) -> RtspCamera {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let (address, port, shift) = (listener.local_addr().unwrap(), server.port, shift.clone());
    thread::spawn(move || {
        for client in listener.incoming().flatten() {
            let server = TcpStream::connect(("127.0.0.1", port)).unwrap();
            let (mut up, mut to) = (client.try_clone().unwrap(), server.try_clone().unwrap());
            thread::spawn(move || io::copy(&mut up, &mut to));
            let shift = shift.clone();
            thread::spawn(move || pass(BufReader::new(server), client, &shift));
        }
    });
    RtspCamera::parse(&format!("rtsp://{address}/camera")).unwrap()
}

/// Passes on answers as they are, and packets in between with their times changed (RFC 2326, 10.12).
fn pass(mut from: impl BufRead, mut to: impl Write, shift: &Shift) -> io::Result<()> {
    loop {
        let mut first = [0];
        from.read_exact(&mut first)?;
        if first[0] != b'$' {
            to.write_all(&first)?;
            pass_answer(&mut from, &mut to)?;
            continue;
        }
        let mut head = [0; 3];
        from.read_exact(&mut head)?;
        let mut packet = vec![0; usize::from(u16::from_be_bytes([head[1], head[2]]))];
        from.read_exact(&mut packet)?;
        change(head[0], &mut packet, shift);
        to.write_all(&[&first[..], &head, &packet].concat())?;
    }
}

fn pass_answer(from: &mut impl BufRead, to: &mut impl Write) -> io::Result<()> {
    let mut body = 0;
    loop {
        let mut line = String::new();
        from.read_line(&mut line)?;
        to.write_all(line.as_bytes())?;
        if let Some(length) = line.strip_prefix("Content-Length: ") {
            body = length.trim().parse().unwrap();
        }
        if line.trim().is_empty() {
            break;
        }
    }
    io::copy(&mut from.take(body), to).map(drop)
}

fn change(channel: u8, packet: &mut [u8], shift: &Shift) {
    /// Of H.264 in RTP.
    const RATE: u32 = 90_000;
    /// A sender report.
    const REPORT: u8 = 200;

    let add = |field: &mut [u8], more: u32| {
        let value = u32::from_be_bytes((&*field).try_into().unwrap());
        field.copy_from_slice(&value.wrapping_add(more).to_be_bytes());
    };
    let ticks = shift.packets.load(Relaxed).wrapping_mul(RATE);
    match channel {
        0 => add(&mut packet[4..8], ticks),
        1 if packet[1] == REPORT => {
            add(&mut packet[8..12], shift.clock.load(Relaxed));
            add(&mut packet[16..20], ticks);
            shift.reports.fetch_add(1, Relaxed);
        }
        _ => (),
    }
}

/// More than all that waits when the time jumps: four seconds.
const MANY: u32 = 100;

/// The picture goes on at its own rate; how late the last one is, in nanoseconds.
fn lag(scene: &Scene, why: &str) -> i64 {
    let start = Instant::now();
    for _ in 0..MANY {
        scene.sample("video");
    }
    assert!(start.elapsed() < Duration::from_secs(20), "{why}: it stood");
    let sample = scene.pull("video");
    let segment = sample.segment().unwrap();
    let segment = segment.downcast_ref::<gst::ClockTime>().unwrap();
    let pts = sample.buffer().unwrap().pts().unwrap();
    let time = segment.to_running_time(pts).unwrap();
    let now = scene.0.current_running_time().unwrap();
    i64::try_from(now.nseconds()).unwrap() - i64::try_from(time.nseconds()).unwrap()
}

#[test]
fn a_picture_whose_time_jumps_goes_on() {
    let server = Server::new(&["--sound", "pcmu"]);
    let shift = Arc::new(Shift::default());
    let scene = Scene::new(&meddle(&server, &shift), &with_sound());
    scene.sample("video");
    // Minutes, and then to and fro: a server that was started again behind its door.
    for jump in [300, 2, 40_000, 39_990, 0] {
        shift.packets.store(jump, Relaxed);
        let lag = lag(&scene, &format!("a jump to {jump} s"));
        assert!(lag.abs() < 1_000_000_000, "{jump} s: {lag} ns late");
    }
}

#[test]
fn a_picture_whose_server_sets_its_clock_goes_on() {
    let server = Server::new(&["--sound", "pcmu"]);
    let shift = Arc::new(Shift::default());
    let scene = Scene::new(&meddle(&server, &shift), &with_sound());
    scene.sample("video");
    // Only the reports of the picture, which come before those of the sound: a second, and an hour.
    for step in [2, 3600] {
        shift.clock.store(step, Relaxed);
        let before = shift.reports.load(Relaxed);
        let start = Instant::now();
        while shift.reports.load(Relaxed) == before {
            assert!(start.elapsed() < PATIENCE, "no report");
            scene.sample("video");
        }
        let lag = lag(&scene, &format!("a step of {step} s"));
        assert!(lag.abs() < 1_000_000_000, "{step} s: {lag} ns late");
    }
}
