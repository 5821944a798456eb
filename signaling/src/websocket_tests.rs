// SPDX-License-Identifier: MPL-2.0

use std::pin::Pin;
use std::task::{Context, Poll};

use proptest::prelude::*;
use tokio::io::ReadBuf;

use super::*;

const MAX: usize = 64 * 1024;
const TEXT: u8 = 1;
const BINARY: u8 = 2;
const MORE: u8 = 0;
const CLOSE: u8 = 8;
const PING: u8 = 9;
const PONG: u8 = 10;
const FINAL: u8 = 0x80;

/// A client's frame.
fn frame(first: u8, payload: &[u8]) -> Vec<u8> {
    let mask = [7, 11, 13, 17];
    let mut bytes = vec![first];
    match payload.len() {
        short @ 0..126 => bytes.push(0x80 | short as u8),
        middle @ 126..65536 => {
            bytes.push(0x80 | 126);
            bytes.extend((middle as u16).to_be_bytes());
        }
        long => {
            bytes.push(0x80 | 127);
            bytes.extend((long as u64).to_be_bytes());
        }
    }
    bytes.extend(mask);
    bytes.extend(payload.iter().zip(mask.iter().cycle()).map(|(a, b)| a ^ b));
    bytes
}

/// Gives so many bytes at a time.
struct Slowly<'b>(&'b [u8], usize);

impl AsyncRead for Slowly<'_> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
        to: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let bytes = self.0;
        let n = self.1.min(bytes.len()).min(to.remaining());
        to.put_slice(&bytes[..n]);
        self.0 = &bytes[n..];
        Poll::Ready(Ok(()))
    }
}

/// All that comes of these bytes, until there is no more or something is wrong.
async fn read(bytes: &[u8], at_a_time: usize) -> (Vec<Incoming>, Option<Broken>) {
    let (mut reader, _) = halves(Slowly(bytes, at_a_time), tokio::io::sink(), MAX);
    let mut all = Vec::new();
    loop {
        match reader.next().await {
            Ok(Incoming::Closed) => return (all, None),
            Ok(incoming) => all.push(incoming),
            Err(broken) => return (all, Some(broken)),
        }
        assert!(reader.message.is_empty() || reader.kind.is_some());
        assert!(reader.control.capacity() == 0);
        if reader.kind.is_none() {
            assert_eq!(
                reader.message.capacity(),
                0,
                "memory stays between two messages"
            );
        }
    }
}

#[tokio::test]
async fn messages_come_whole_however_they_are_cut() {
    let long = "ä".repeat(MAX / 2);
    let mut bytes = frame(FINAL | TEXT, b"one");
    bytes.extend(frame(TEXT, "tw".as_bytes()));
    bytes.extend(frame(FINAL | PING, b"hello"));
    bytes.extend(frame(MORE, &"ü".as_bytes()[..1]));
    bytes.extend(frame(FINAL | MORE, &"ü".as_bytes()[1..]));
    bytes.extend(frame(FINAL | BINARY, &[0; 200]));
    bytes.extend(frame(FINAL | PONG, &[]));
    bytes.extend(frame(FINAL | TEXT, long.as_bytes()));
    bytes.extend(frame(FINAL | TEXT, &[]));
    bytes.extend(frame(FINAL | CLOSE, &[3, 232]));
    bytes.extend(frame(FINAL | TEXT, b"after the end"));
    for at_a_time in [1, 2, 3, 7, 4096, usize::MAX] {
        let (all, broken) = read(&bytes, at_a_time).await;
        assert!(broken.is_none(), "{broken:?}");
        let expected = [
            Incoming::Text("one".to_owned()),
            Incoming::Control(5),
            Incoming::Text("twü".to_owned()),
            Incoming::Binary(200),
            Incoming::Control(0),
            Incoming::Text(long.clone()),
            Incoming::Text(String::new()),
        ];
        assert!(all == expected, "{at_a_time} at a time");
    }
}

#[tokio::test]
async fn what_no_client_may_send_ends_it() {
    let mut unmasked = frame(FINAL | TEXT, b"x");
    unmasked[1] &= 0x7f;
    let mut twice = frame(TEXT, b"x");
    twice.extend(frame(TEXT, b"x"));
    let mut pieces = frame(TEXT, &[b'x'; MAX]);
    pieces.extend(frame(FINAL | MORE, b"x"));
    let mut claims_much = vec![FINAL | TEXT, 0x80 | 127];
    claims_much.extend(u64::MAX.to_be_bytes());
    claims_much.extend([0; 4]);
    let cases = [
        ("unmasked", unmasked, "Protocol"),
        (
            "a reserved bit",
            frame(FINAL | 0x40 | TEXT, b"x"),
            "Protocol",
        ),
        ("a reserved kind", frame(FINAL | 3, b"x"), "Protocol"),
        ("a reserved control", frame(FINAL | 11, b"x"), "Protocol"),
        ("a ping in pieces", frame(PING, b"x"), "Protocol"),
        ("a long ping", frame(FINAL | PING, &[0; 126]), "Protocol"),
        ("more of nothing", frame(FINAL | MORE, b"x"), "Protocol"),
        ("a message within another", twice, "Protocol"),
        ("too long", frame(FINAL | TEXT, &[b'x'; MAX + 1]), "TooLong"),
        ("too long in pieces", pieces, "TooLong"),
        ("claims much", claims_much, "TooLong"),
        ("no text", frame(FINAL | TEXT, &[0xff]), "NoText"),
    ];
    for (what, bytes, expected) in cases {
        for at_a_time in [1, usize::MAX] {
            let (all, broken) = read(&bytes, at_a_time).await;
            assert!(all.is_empty(), "{what}: {all:?}");
            assert_eq!(format!("{:?}", broken.unwrap()), expected, "{what}");
        }
    }
}

#[tokio::test]
async fn who_only_says_that_it_is_long_takes_no_memory() {
    let whole = frame(FINAL | TEXT, &[b'x'; MAX]);
    let (mut reader, _) = halves(Slowly(&whole[..20], usize::MAX), tokio::io::sink(), MAX);
    assert_eq!(reader.next().await.unwrap(), Incoming::Closed);
    assert!(reader.message.capacity() <= 2 * STEP);
}

#[tokio::test]
async fn what_is_written_is_what_tungstenite_reads() {
    use futures_util::{SinkExt as _, StreamExt as _};
    use tokio_tungstenite::WebSocketStream;
    use tokio_tungstenite::tungstenite::protocol::Role;
    use tokio_tungstenite::tungstenite::{Bytes, Message};
    let (client, server) = tokio::io::duplex(1000);
    let (read, write) = tokio::io::split(server);
    let (mut reader, mut writer) = halves(read, write, MAX);
    let talk = tokio::spawn(async move {
        let mut client = WebSocketStream::from_raw_socket(client, Role::Client, None).await;
        let mut heard = Vec::new();
        client.send(Message::text("z".repeat(9000))).await.unwrap();
        client
            .send(Message::Ping(Bytes::from_static(b"ping")))
            .await
            .unwrap();
        while let Some(Ok(message)) = client.next().await {
            heard.push(message);
        }
        heard
    });
    assert_eq!(
        reader.next().await.unwrap(),
        Incoming::Text("z".repeat(9000))
    );
    assert_eq!(reader.next().await.unwrap(), Incoming::Control(4));
    let ping = writer.pinged().await;
    writer.pong(&ping).await.unwrap();
    for length in [0, 1, 125, 126, 65_535, 65_536, 1_000_000] {
        writer.text(&"t".repeat(length).into()).await.unwrap();
    }
    writer.ping().await.unwrap();
    let words = "ü".repeat(100);
    writer.close(CloseCode::Policy, &words).await.unwrap();
    // Its pong, and its farewell.
    while reader.next().await.unwrap() != Incoming::Closed {}
    drop((reader, writer));
    let heard = talk.await.unwrap();
    assert_eq!(heard[0], Message::Pong(Bytes::from_static(b"ping")));
    let lengths: Vec<_> = heard[1..8].iter().map(Message::len).collect();
    assert_eq!(lengths, [0, 1, 125, 126, 65_535, 65_536, 1_000_000]);
    let Message::Close(Some(close)) = heard.last().unwrap() else {
        panic!("{heard:?}")
    };
    assert_eq!((close.code, close.reason.len()), (CloseCode::Policy, 122));
}

proptest! {
    /// Whatever comes, in whatever pieces, there is an answer, and it is the same.
    #[test]
    fn any_bytes_are_answered(
        bytes in prop::collection::vec(any::<u8>(), 0..300),
        frames in prop::collection::vec((any::<u8>(), prop::collection::vec(any::<u8>(), 0..140)), 0..8),
        at_a_time in 1_usize..40,
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        let framed: Vec<_> = frames.iter().flat_map(|(first, payload)| frame(*first & 0x8f, payload)).collect();
        for bytes in [&bytes, &framed] {
            let (slowly, why) = runtime.block_on(read(bytes, at_a_time));
            let (at_once, also) = runtime.block_on(read(bytes, usize::MAX));
            prop_assert_eq!(slowly, at_once);
            prop_assert_eq!(format!("{why:?}"), format!("{also:?}"));
        }
    }
}
