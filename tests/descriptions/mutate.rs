// SPDX-License-Identifier: MPL-2.0
//! Descriptions changed at random: some as another honest client might have written them, some as an attacker.

/// Random numbers that follow from a seed (SplitMix64).
pub(crate) struct Dice(pub(crate) u64);

impl Dice {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    pub(crate) fn below(&mut self, end: usize) -> usize {
        usize::try_from(self.next() % end.max(1) as u64).unwrap()
    }

    pub(crate) fn pick<'a, T>(&mut self, from: &'a [T]) -> &'a T {
        &from[self.below(from.len())]
    }
}

/// Lines that may stand in a media part, harmless and other.
const LINES: &[&str] = &[
    "a=unknown",
    "a=unknown:",
    "a=x-flag:1",
    "a=x-google-flag:conference",
    "a=ice-lite",
    "a=ice-options:trickle renomination",
    "a=bundle-only",
    "a=rtcp-mux-only",
    "a=rtcp-rsize",
    "a=end-of-candidates",
    "a=extmap-allow-mixed",
    "a=inactive",
    "a=msid:- x",
    "a=msid:x y z",
    "a=msid-semantic: WMS *",
    "a=ssrc:1 cname:x",
    "a=ssrc:4294967295 msid:x y",
    "a=ssrc:0 cname",
    "a=ssrc-group:FID 1 2",
    "a=ssrc-group:FID",
    "a=rtcp-fb:* nack",
    "a=rtcp-fb:* ccm fir",
    "a=rtcp-fb:96 goog-remb",
    "a=rtcp-fb:127 nack pli",
    "a=rtcp:9 IN IP4 0.0.0.0",
    "a=rtcp:x",
    "a=fmtp:96 max-fs=12288;max-fr=60",
    "a=fmtp:96 x-google-start-bitrate=800",
    "a=fmtp:96 packetization-mode=0",
    "a=fmtp:96 apt=96",
    "a=fmtp:97 stereo=1",
    "a=fmtp:98 apt=98",
    "a=fmtp:99 0-15",
    "a=fmtp:96 ;",
    "a=fmtp:96 profile-level-id=64001f",
    "a=fmtp:96 level-asymmetry-allowed=0;profile-level-id=640c33",
    "a=fmtp:96 profile=0",
    "a=fmtp:96 level=1",
    "a=rtpmap:120 VP9/90000",
    "a=rtpmap:96 VP8/90000",
    "a=rtpmap:0 PCMU/8000",
    "a=extmap:2 urn:x",
    "a=extmap:1/recvonly urn:x",
    "a=extmap:14 urn:ietf:params:rtp-hdrext:sdes:mid",
    "a=extmap:16 urn:ietf:params:rtp-hdrext:ssrc-audio-level vad=on",
    "a=candidate:1 1 udp 2113937151 192.0.2.9 9 typ host",
    "a=candidate:1 1 udp 1 fe80::1 1 typ srflx raddr 0.0.0.0 rport 0",
    "a=candidate:1 2 TCP 1 x.local 9 typ host tcptype active",
    "a=ptime:20",
    "a=maxptime:60",
    "a=framerate:30",
    "a=range:npt=now-",
    "a=key-mgmt:mikey AQ==",
    "a=crypto:1 x",
    "a=rid:1 recv",
    "a=simulcast:recv 1",
    "a=control:x",
    "a=group:BUNDLE video0",
    "a=ice-ufrag:abcd",
    "a=ice-pwd:0123456789012345678901",
    "a=setup:passive",
    "a=identity:x",
    "a=tls-id:0123456789",
    "a=sctp-port:5000",
    "a=max-message-size:0",
    "a=imageattr:96 recv [x=64]",
    "a=a-mid:x",
    "b=AS:1",
    "b=TIAS:0",
    "b=CT:99999999999",
    "c=IN IP6 ::",
    "c=IN IP4 224.2.1.1/127/3",
    "i=x",
    "k=clear:x",
    "z=0 0",
];
/// What takes the place of a number.
const NUMBERS: &[&str] = &[
    "0",
    "1",
    "2",
    "8",
    "9",
    "15",
    "16",
    "35",
    "95",
    "96",
    "97",
    "98",
    "99",
    "100",
    "101",
    "127",
    "128",
    "255",
    "256",
    "5000",
    "65535",
    "65536",
    "90000",
    "48000",
    "2147483647",
    "2147483648",
    "4294967295",
    "4294967296",
    "-1",
    "+1",
    "01",
];
/// What another honest client might have written.
const SWAPS: &[(&str, &str)] = &[
    ("\r\n", "\n"),
    ("m=audio 9", "m=audio 0"),
    ("m=video 9", "m=video 0"),
    ("m=application 9", "m=application 0"),
    (" 9 UDP", " 54321 UDP"),
    ("a=recvonly", "a=inactive"),
    ("a=recvonly", "a=sendrecv"),
    ("a=setup:active", "a=setup:passive"),
    ("a=setup:actpass", "a=setup:active"),
    ("a=setup:actpass", "a=setup:passive"),
    ("VP8/90000", "vp8/90000/1"),
    ("opus/48000/2", "OPUS/48000/2"),
    ("H264", "h264"),
    ("profile-level-id=42e01f", "profile-level-id=42001f"),
    ("profile-level-id=42e01f", "profile-level-id=4D0028"),
    ("profile-level-id=42e01f", "profile-level-id=640c34"),
    ("profile-level-id=42e01f", "profile-level-id=f4003e"),
    ("profile-level-id=42e01f", "profile-level-id=42f00b"),
    ("profile-level-id=42e01f", "profile-level-id=7a0009"),
    ("profile-level-id=42e01f", "profile-level-id=58e01f"),
    ("level-asymmetry-allowed=1;", ""),
    ("level-asymmetry-allowed=1", "level-asymmetry-allowed=0"),
    ("packetization-mode=1;", ""),
    ("packetization-mode=1", "packetization-mode=2"),
    ("a=rtcp-rsize\r\n", ""),
    ("a=rtcp-fb:96 nack\r\n", ""),
    ("a=rtcp-fb:96 transport-cc\r\n", ""),
    ("a=ice-options:trickle\r\n", ""),
    (" 98 99 100 101", ""),
    (" 97 98 99 100", ""),
    (" 96 98", " 98 96"),
    (" 96 98", " 100 96 98"),
    (" 96 97", " 97 96"),
    ("video0 audio1", "video0"),
    ("video0 audio1", "audio1"),
    ("sha-256", "SHA-256"),
    ("apt=96", "apt=98"),
    (
        "http://www.ietf.org/id/draft-holmer-rmcat-transport-wide-cc-extensions-01",
        "urn:x",
    ),
    ("a=extmap:1 ", "a=extmap:1/recvonly "),
    ("a=extmap:4 ", "a=extmap:13/sendonly "),
    ("a=extmap:1 ", "a=x:"),
    ("useinbandfec=1", "useinbandfec=0;stereo=1"),
    ("max-message-size:262144", "max-message-size:4294967295"),
    ("sctp-port:5000", "sctp-port:1"),
    ("UDP/DTLS", "DTLS"),
    ("a=fingerprint", "a=x-was-fingerprint"),
    ("o=-", "o=x"),
    ("s=-", "s=other"),
    ("t=0 0", "t=1 2"),
];

/// One to four changes.
pub(crate) fn mutate(text: &str, dice: &mut Dice) -> String {
    let mut text = text.to_owned();
    for _ in 0..=dice.below(4) {
        text = once(&text, dice);
    }
    text
}

fn once(text: &str, dice: &mut Dice) -> String {
    let mut lines: Vec<String> = text.split_inclusive('\n').map(str::to_owned).collect();
    if lines.is_empty() {
        return text.to_owned();
    }
    let at = dice.below(lines.len());
    match dice.below(10) {
        0 => drop(lines.remove(at)),
        1 => lines.insert(at, lines[at].clone()),
        2 => {
            let other = dice.below(lines.len());
            lines.swap(at, other);
        }
        3 | 4 => lines.insert(at, format!("{}\r\n", dice.pick(LINES))),
        5 => lines[at] = number(&lines[at], dice),
        6 => lines[at] = word(&lines, at, dice),
        7 => {
            let mut bytes = lines[at].clone().into_bytes();
            let byte = dice.below(bytes.len());
            bytes[byte] = *dice.pick(b" =:;/,-+.*019azAZ~\t");
            lines[at] = String::from_utf8_lossy(&bytes).into_owned();
        }
        _ => {
            // Most do not occur in this text.
            let swaps: Vec<_> = SWAPS
                .iter()
                .filter(|(from, _)| text.contains(from))
                .collect();
            if !swaps.is_empty() {
                let (from, to) = **dice.pick(&swaps);
                return if dice.below(2) == 0 {
                    text.replace(from, to)
                } else {
                    text.replacen(from, to, 1)
                };
            }
        }
    }
    lines.concat()
}

/// Another number in the place of one in the line.
fn number(line: &str, dice: &mut Dice) -> String {
    let is_digit = |at: usize| line.as_bytes()[at].is_ascii_digit();
    let starts: Vec<usize> = (0..line.len())
        .filter(|&at| is_digit(at) && (at == 0 || !is_digit(at - 1)))
        .collect();
    if starts.is_empty() {
        return line.to_owned();
    }
    let start = *dice.pick(&starts);
    let end = (start..line.len())
        .find(|&at| !is_digit(at))
        .unwrap_or(line.len());
    format!("{}{}{}", &line[..start], dice.pick(NUMBERS), &line[end..])
}

/// A word of another line in the place of one in this.
fn word(lines: &[String], at: usize, dice: &mut Dice) -> String {
    let mut words: Vec<&str> = lines[at].trim_end().split(' ').collect();
    let other: Vec<&str> = dice.pick(lines).trim_end().split(' ').collect();
    let place = dice.below(words.len());
    words[place] = other[dice.below(other.len())];
    format!("{}\r\n", words.join(" "))
}
