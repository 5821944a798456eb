// SPDX-License-Identifier: MPL-2.0
//! Frames of a WebSocket (RFC 6455), on the server's side, which hold no memory between two messages.
//!
//! `tungstenite` makes the handshake and knows the headers of frames. Its own streams keep what the largest message took for as
//! long as they live: of ten thousand connections over which a description passed once, 150 MB. Here a message has the memory
//! that it needs, grown as it comes, and gives it back.

use std::io::{self, Cursor};
use std::sync::{Arc, Mutex};

use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::sync::Notify;
use tungstenite::Utf8Bytes;
use tungstenite::protocol::frame::FrameHeader;
use tungstenite::protocol::frame::coding::{CloseCode, Control, Data, OpCode};

use crate::lock::lock;

/// Before the length and the mask of a frame are known: what every frame of a client has.
const SHORT_HEADER: usize = 6;
const LONGEST_HEADER: usize = 14;
/// Longest payload of a control frame (RFC 6455, 5.5).
const MAX_CONTROL: usize = 125;
/// As much of a message as is made room for at a time: who only says that it is long takes nothing.
const STEP: usize = 4096;

/// What came.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Incoming {
    Text(String),
    /// Of so many bytes.
    Binary(usize),
    /// Of so many bytes. It is answered already, if it asked for that.
    Control(usize),
    /// The other end closes, or is gone.
    Closed,
}

/// Why nothing more is read.
#[derive(Debug)]
pub(crate) enum Broken {
    /// A message is longer than it may be.
    TooLong,
    /// A text is none.
    NoText,
    /// What came is no frame that a client may send.
    Protocol,
    /// The connection broke.
    Io,
}

impl Broken {
    /// What the other end is told.
    pub(crate) fn code(&self) -> (CloseCode, &'static str) {
        match self {
            Self::TooLong => (CloseCode::Size, "message too large"),
            Self::NoText => (CloseCode::Invalid, ""),
            Self::Protocol | Self::Io => (CloseCode::Protocol, ""),
        }
    }
}

/// What the reader has for the writer: the last ping that waits for its answer.
#[derive(Default)]
struct Pings {
    last: Mutex<Option<Vec<u8>>>,
    came: Notify,
}

/// The half that reads. What it has begun to read is kept when its future is dropped.
pub(crate) struct Reader<R> {
    io: R,
    max: usize,
    header: [u8; LONGEST_HEADER],
    have: usize,
    /// The frame whose payload comes.
    frame: Option<Frame>,
    /// What has come of a message, of whichever kind.
    message: Vec<u8>,
    /// Of a message that comes in several frames.
    kind: Option<Data>,
    control: Vec<u8>,
    pings: Arc<Pings>,
}

#[derive(Clone, Copy)]
struct Frame {
    opcode: OpCode,
    is_final: bool,
    mask: [u8; 4],
    length: usize,
    /// What was there of its message before.
    base: usize,
    /// How much of its payload is there.
    got: usize,
}

/// The half that writes.
pub(crate) struct Writer<W> {
    io: W,
    pings: Arc<Pings>,
}

/// Both halves of a connection on which messages have so many bytes at most.
pub(crate) fn halves<R, W>(read: R, write: W, max: usize) -> (Reader<R>, Writer<W>) {
    let pings = Arc::<Pings>::default();
    let reader = Reader {
        io: read,
        max,
        header: [0; LONGEST_HEADER],
        have: 0,
        frame: None,
        message: Vec::new(),
        kind: None,
        control: Vec::new(),
        pings: pings.clone(),
    };
    (reader, Writer { io: write, pings })
}

impl<R: AsyncRead + Unpin> Reader<R> {
    /// What comes next.
    pub(crate) async fn next(&mut self) -> Result<Incoming, Broken> {
        loop {
            let frame = match self.frame {
                Some(frame) => frame,
                None => match self.read_header().await? {
                    Some(frame) => *self.frame.insert(frame),
                    None => return Ok(Incoming::Closed),
                },
            };
            if !self.read_payload(frame).await? {
                return Ok(Incoming::Closed);
            }
            self.frame = None;
            if let Some(incoming) = self.take(frame)? {
                return Ok(incoming);
            }
        }
    }

    /// `None` at the end of the connection.
    async fn read_header(&mut self) -> Result<Option<Frame>, Broken> {
        loop {
            let need = header_length(&self.header[..self.have]);
            if self.have >= need {
                break;
            }
            let read = self.io.read(&mut self.header[self.have..need]).await;
            match read.map_err(|_| Broken::Io)? {
                0 => return Ok(None),
                read => self.have += read,
            }
        }
        let have = std::mem::take(&mut self.have);
        let parsed = FrameHeader::parse(&mut Cursor::new(&self.header[..have]));
        let Ok(Some((header, length))) = parsed else {
            return Err(Broken::Protocol);
        };
        // A client masks what it sends, and no extension was agreed on.
        let (Some(mask), false) = (header.mask, header.rsv1 || header.rsv2 || header.rsv3) else {
            return Err(Broken::Protocol);
        };
        let length = usize::try_from(length).map_err(|_| Broken::TooLong)?;
        let is_fine = match header.opcode {
            OpCode::Control(_) => header.is_final && length <= MAX_CONTROL,
            OpCode::Data(Data::Continue) => self.kind.is_some(),
            OpCode::Data(_) => self.kind.is_none(),
        };
        if !is_fine {
            return Err(Broken::Protocol);
        }
        let is_data = matches!(header.opcode, OpCode::Data(_));
        if is_data && length > self.max.saturating_sub(self.message.len()) {
            return Err(Broken::TooLong);
        }
        Ok(Some(Frame {
            opcode: header.opcode,
            is_final: header.is_final,
            mask,
            length,
            base: if is_data { self.message.len() } else { 0 },
            got: 0,
        }))
    }

    /// `false` at the end of the connection.
    async fn read_payload(&mut self, frame: Frame) -> Result<bool, Broken> {
        let mut got = frame.got;
        while got < frame.length {
            let to = match frame.opcode {
                OpCode::Control(_) => &mut self.control,
                OpCode::Data(_) => &mut self.message,
            };
            // What there is room for beyond that is of a try that was given up.
            let start = frame.base + got;
            to.resize(start + STEP.min(frame.length - got), 0);
            let read = self.io.read(&mut to[start..]).await;
            let read = match read {
                Ok(read) => read,
                Err(_) => return Err(Broken::Io),
            };
            to.truncate(start + read);
            for (n, byte) in to[start..].iter_mut().enumerate() {
                *byte ^= frame.mask[(got + n) % 4];
            }
            got += read;
            if let Some(frame) = &mut self.frame {
                frame.got = got;
            }
            if read == 0 {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// What a whole frame is; `None` if more of its message follows.
    fn take(&mut self, frame: Frame) -> Result<Option<Incoming>, Broken> {
        let kind = match frame.opcode {
            OpCode::Control(control) => {
                let payload = std::mem::take(&mut self.control);
                let bytes = payload.len();
                match control {
                    Control::Close => return Ok(Some(Incoming::Closed)),
                    Control::Ping => {
                        *lock(&self.pings.last) = Some(payload);
                        self.pings.came.notify_one();
                    }
                    Control::Pong => (),
                    Control::Reserved(_) => return Err(Broken::Protocol),
                }
                return Ok(Some(Incoming::Control(bytes)));
            }
            OpCode::Data(Data::Continue) => self.kind.ok_or(Broken::Protocol)?,
            OpCode::Data(kind) => kind,
        };
        if !frame.is_final {
            self.kind = Some(kind);
            return Ok(None);
        }
        self.kind = None;
        let message = std::mem::take(&mut self.message);
        Ok(Some(match kind {
            Data::Text => {
                let text = String::from_utf8(message);
                Incoming::Text(text.map_err(|_| Broken::NoText)?)
            }
            Data::Binary => Incoming::Binary(message.len()),
            Data::Continue | Data::Reserved(_) => return Err(Broken::Protocol),
        }))
    }
}

/// How long a frame's header is, as far as that is known from its beginning.
fn header_length(beginning: &[u8]) -> usize {
    let Some(second) = beginning.get(1) else {
        return SHORT_HEADER;
    };
    let length = match second & 0x7f {
        126 => 2,
        127 => 8,
        _ => 0,
    };
    // An unmasked one is refused in any case, and is read no further.
    match second & 0x80 {
        0 => beginning.len(),
        _ => SHORT_HEADER + length,
    }
}

impl<W: AsyncWrite + Unpin> Writer<W> {
    pub(crate) async fn text(&mut self, text: &Utf8Bytes) -> io::Result<()> {
        self.frame(OpCode::Data(Data::Text), text.as_bytes()).await
    }

    pub(crate) async fn ping(&mut self) -> io::Result<()> {
        self.frame(OpCode::Control(Control::Ping), &[]).await
    }

    /// Says farewell. The reason is cut to what fits.
    pub(crate) async fn close(&mut self, code: CloseCode, reason: &str) -> io::Result<()> {
        let mut payload = u16::from(code).to_be_bytes().to_vec();
        let fits = reason.floor_char_boundary(MAX_CONTROL - payload.len());
        payload.extend_from_slice(&reason.as_bytes()[..fits]);
        self.frame(OpCode::Control(Control::Close), &payload).await
    }

    /// Waits for a ping of the other end.
    pub(crate) async fn pinged(&mut self) -> Vec<u8> {
        loop {
            self.pings.came.notified().await;
            if let Some(ping) = lock(&self.pings.last).take() {
                return ping;
            }
        }
    }

    pub(crate) async fn pong(&mut self, ping: &[u8]) -> io::Result<()> {
        self.frame(OpCode::Control(Control::Pong), ping).await
    }

    async fn frame(&mut self, opcode: OpCode, payload: &[u8]) -> io::Result<()> {
        let header = FrameHeader {
            opcode,
            ..FrameHeader::default()
        };
        // In one piece, so that it is one packet, and for this moment alone.
        let mut frame = Vec::with_capacity(LONGEST_HEADER + payload.len());
        let formatted = header.format(payload.len() as u64, &mut frame);
        formatted.map_err(io::Error::other)?;
        frame.extend_from_slice(payload);
        self.io.write_all(&frame).await?;
        self.io.flush().await
    }
}

#[cfg(test)]
#[path = "websocket_tests.rs"]
mod tests;
