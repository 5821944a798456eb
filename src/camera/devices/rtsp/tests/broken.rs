// SPDX-License-Identifier: MPL-2.0
//! Servers that do what no server should.

use std::{
    io::{BufRead, BufReader, Write},
    net::{TcpListener, TcpStream},
    thread,
    time::Instant,
};

use super::*;

/// A server that answers each connection so, as long as the process lives.
fn serve(answer: impl Fn(TcpStream) + Clone + Send + 'static) -> RtspCamera {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let answer = answer.clone();
            thread::spawn(move || answer(stream));
        }
    });
    RtspCamera::parse(&format!("rtsp://{address}/camera")).unwrap()
}

/// The next request's method and number.
fn request_in(reader: &mut impl BufRead) -> Option<(String, String)> {
    let (mut first, mut number) = (String::new(), String::new());
    loop {
        let mut line = String::new();
        if reader.read_line(&mut line).ok()? == 0 {
            return None;
        }
        match line.trim_end() {
            "" => break,
            line if first.is_empty() => first = line.to_owned(),
            line => {
                if let Some(value) = line.strip_prefix("CSeq: ") {
                    number = value.to_owned();
                }
            }
        }
    }
    Some((first.split(' ').next()?.to_owned(), number))
}

const SDP: &str = "v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\nm=video 0 RTP/AVP 96\r\na=rtpmap:96 H264/90000\r\na=control:1\r\n";

/// Answers as a server does, up to this method, and then not any more.
fn up_to(last: &'static str) -> impl Fn(TcpStream) + Clone + Send + 'static {
    move |mut stream| {
        let mut reader = BufReader::new(stream.try_clone().unwrap());
        while let Some((method, number)) = request_in(&mut reader) {
            let more = match method.as_str() {
                "DESCRIBE" => format!(
                    "Content-Type: application/sdp\r\nContent-Length: {}\r\n\r\n{SDP}",
                    SDP.len()
                ),
                "SETUP" => {
                    "Transport: RTP/AVP/TCP;unicast;interleaved=0-1\r\nSession: 1\r\n\r\n".into()
                }
                "OPTIONS" => "Public: DESCRIBE, SETUP, PLAY, TEARDOWN\r\n\r\n".into(),
                _ => "Session: 1\r\n\r\n".into(),
            };
            let answer = format!("RTSP/1.0 200 OK\r\nCSeq: {number}\r\n{more}");
            let is_last = method == last;
            if is_last && last != "PLAY" || stream.write_all(answer.as_bytes()).is_err() {
                break;
            }
        }
        // Open, and silent, until the other side has had enough.
        let _ = reader.read_line(&mut String::new());
    }
}

#[test]
fn a_server_that_does_not_answer_is_stalled_before_the_opening_has_had_its_time() {
    for last in ["OPTIONS", "DESCRIBE", "SETUP"] {
        let scene = Scene::new(&serve(up_to(last)), &request(RAW));
        let start = Instant::now();
        let problem = scene.problem();
        assert_eq!(problem.reason, Reason::Stalled, "{last}: {problem}");
        assert!(problem.text.contains("check the port"), "{problem}");
        assert!(start.elapsed() < OPEN_TIMEOUT, "{last}");
    }
}

#[test]
fn a_server_that_speaks_something_else_says_to_check_the_port() {
    let camera = serve(|mut stream| {
        let _ = stream.write_all(&b"\x00\xffnonsense\r\n\r\n".repeat(100));
        let _ = BufReader::new(stream).read_line(&mut String::new());
    });
    let problem = Scene::new(&camera, &request(RAW)).problem();
    assert_eq!(problem.reason, Reason::Damaged, "{problem}");
    assert!(problem.text.contains("check the port"), "{problem}");
}

#[test]
fn a_server_that_hangs_up_has_gone() {
    let after_a_request = |stream| drop(request_in(&mut BufReader::new(stream)));
    for camera in [serve(drop), serve(after_a_request)] {
        let problem = Scene::new(&camera, &request(RAW)).problem();
        assert_eq!(problem.reason, Reason::Gone, "{problem}");
        assert!(problem.text.contains("closes the connection"), "{problem}");
    }
}

#[test]
fn a_server_that_plays_and_sends_nothing_is_looked_at_for_its_time_and_no_longer() {
    let start = Instant::now();
    let problem = serve(up_to("PLAY")).look(&request(RAW)).unwrap_err();
    assert_eq!(problem.reason, Reason::Stalled, "{problem}");
    assert!(start.elapsed() < OPEN_TIMEOUT * 2);
}
