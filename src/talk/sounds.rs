// SPDX-License-Identifier: MPL-2.0
//! A user's own sounds for whoever rings: a file in any format that GStreamer decodes, or words that espeak-ng speaks. Read as a
//! whole before anybody rings, on a thread of its own, since neither a disk nor a decoder may hold up what plays.

use std::{
    fs,
    io::{ErrorKind, Read as _, Write as _},
    path::Path,
    process::{Command, Stdio},
    sync::{Arc, mpsc},
    thread,
    time::{Duration, Instant},
};

use gst::prelude::*;

use super::{format::caps, mixer::RATE};

/// The longest sound: whoever rings hears it while somebody may speak already.
pub(super) const MAX_SECONDS: usize = 20;
/// The largest file: those seconds as WAV of the highest quality, twice.
const MAX_FILE: u64 = 16 * 1024 * 1024;
/// The longest text, in characters: what is said in those seconds.
const MAX_WORDS: usize = 300;
/// For a decoder, or a voice, on a slow machine that starts everything at once.
const PATIENCE: Duration = Duration::from_secs(15);
/// Before words, where others name a file.
const SAY: &str = "say:";
const ESPEAK: &str = "espeak-ng";

/// Samples at the rate of the pad `talk`.
pub(crate) type Sound = Arc<[i16]>;

/// Why a sound is not played, in words that say what to do.
#[derive(Debug, thiserror::Error)]
pub(crate) enum BadSound {
    #[error("it cannot be read: {0}")]
    File(std::io::Error),
    #[error("it is no file")]
    NoFile,
    #[error("it has more than {} MB: shorten it", MAX_FILE / (1024 * 1024))]
    Large,
    #[error("it cannot be decoded: {0}")]
    Undecodable(String),
    #[error("it is longer than {MAX_SECONDS} s: shorten it")]
    Long,
    #[error("there is no sound in it")]
    Empty,
    #[error("it took longer than {PATIENCE:?}")]
    Slow,
    #[error("write 1 to {MAX_WORDS} characters after {SAY}")]
    Words,
    #[error("{ESPEAK} is not installed: sudo apt install {ESPEAK}")]
    NoVoice,
    #[error("{ESPEAK}: {0}")]
    Voice(String),
}

/// Reads what a property names. Takes its time.
pub(crate) fn load(value: &str, voice: &str) -> Result<Sound, BadSound> {
    match value.strip_prefix(SAY) {
        Some(words) => decode(&spoken(ESPEAK, words.trim(), voice)?),
        None => decode(&file(Path::new(value))?),
    }
}

fn file(path: &Path) -> Result<Vec<u8>, BadSound> {
    let data = fs::metadata(path).map_err(BadSound::File)?;
    match data.is_file() {
        // A pipe, or a disk, would be read for ever.
        false => return Err(BadSound::NoFile),
        true if data.len() > MAX_FILE => return Err(BadSound::Large),
        true => (),
    }
    fs::read(path).map_err(BadSound::File)
}

/// What a program says of a text, as WAV. The text is no argument, so that it is neither an option nor seen by others.
fn spoken(program: &str, words: &str, voice: &str) -> Result<Vec<u8>, BadSound> {
    if words.is_empty() || words.chars().count() > MAX_WORDS {
        return Err(BadSound::Words);
    }
    let mut command = Command::new(program);
    command.args(["--stdin", "--stdout"]);
    if !voice.is_empty() {
        command.arg(format!("-v{voice}"));
    }
    command.stdin(Stdio::piped()).stdout(Stdio::piped());
    let spawned = command.stderr(Stdio::piped()).spawn();
    let mut child = spawned.map_err(|error| match error.kind() {
        ErrorKind::NotFound => BadSound::NoVoice,
        _ => BadSound::Voice(error.to_string()),
    })?;
    let pipes = (child.stdin.take(), child.stdout.take(), child.stderr.take());
    let words = words.to_owned();
    let (said, heard) = mpsc::channel();
    // It ends with the child, whose ends of these it holds.
    let reader = thread::spawn(move || {
        let (mut wav, mut errors) = (Vec::new(), Vec::new());
        if let (Some(mut stdin), Some(stdout), Some(stderr)) = pipes {
            let _ = stdin.write_all(words.as_bytes());
            drop(stdin);
            let _ = stdout.take(MAX_FILE).read_to_end(&mut wav);
            let _ = stderr.take(1024).read_to_end(&mut errors);
        }
        let _ = said.send((wav, errors));
    });
    let heard = heard.recv_timeout(PATIENCE);
    if heard.is_err() {
        let _ = child.kill();
    }
    let status = child.wait();
    let _ = reader.join();
    let (wav, errors) = heard.map_err(|_| BadSound::Slow)?;
    match status {
        Ok(status) if status.success() && !wav.is_empty() => Ok(wav),
        _ => {
            let errors = String::from_utf8_lossy(&errors);
            let line = errors.lines().next().unwrap_or("it said nothing");
            Err(BadSound::Voice(line.to_owned()))
        }
    }
}

/// The samples of a sound in whatever format.
fn decode(bytes: &[u8]) -> Result<Sound, BadSound> {
    let broken = |error: &dyn std::fmt::Display| BadSound::Undecodable(error.to_string());
    let make = |factory: &str| {
        gst::ElementFactory::make(factory)
            .build()
            .map_err(|error| broken(&error))
    };
    let pipeline = gst::Pipeline::new();
    let source = gst_app::AppSrc::builder().build();
    let decoder = make("decodebin")?;
    let (convert, resample) = (make("audioconvert")?, make("audioresample")?);
    let sink = gst_app::AppSink::builder()
        .caps(&caps())
        .sync(false)
        .build();
    let all = [
        source.upcast_ref(),
        &decoder,
        &convert,
        &resample,
        sink.upcast_ref::<gst::Element>(),
    ];
    pipeline.add_many(all).map_err(|error| broken(&error))?;
    source.link(&decoder).map_err(|error| broken(&error))?;
    gst::Element::link_many([&convert, &resample, sink.upcast_ref()])
        .map_err(|error| broken(&error))?;
    let first = convert.static_pad("sink");
    decoder.connect_pad_added(move |_, pad| {
        // The first sound; pictures in it are nobody's.
        let is_sound = pad
            .current_caps()
            .is_some_and(|caps| caps.structure(0).is_some_and(|s| s.name() == "audio/x-raw"));
        if let Some(first) = first
            .as_ref()
            .filter(|first| is_sound && !first.is_linked())
        {
            let _ = pad.link(first);
        }
    });
    let samples = play(&pipeline, &source, &sink, bytes);
    let _ = pipeline.set_state(gst::State::Null);
    let samples = samples?;
    match samples.iter().any(|sample| *sample != 0) {
        true => Ok(samples.into()),
        false => Err(BadSound::Empty),
    }
}

fn play(
    pipeline: &gst::Pipeline,
    source: &gst_app::AppSrc,
    sink: &gst_app::AppSink,
    bytes: &[u8],
) -> Result<Vec<i16>, BadSound> {
    let failed = || {
        let bus = pipeline.bus()?;
        let message = bus.pop_filtered(&[gst::MessageType::Error])?;
        match message.view() {
            gst::MessageView::Error(error) => Some(error.error().to_string()),
            _ => None,
        }
    };
    let unknown = || "it is of no format that this GStreamer knows".to_owned();
    let broken = || BadSound::Undecodable(failed().unwrap_or_else(unknown));
    pipeline
        .set_state(gst::State::Playing)
        .map_err(|_| broken())?;
    let buffer = gst::Buffer::from_slice(bytes.to_vec());
    let pushed = source
        .push_buffer(buffer)
        .and_then(|_| source.end_of_stream());
    pushed.map_err(|_| broken())?;
    let late = Instant::now() + PATIENCE;
    let mut samples = Vec::new();
    loop {
        if let Some(sample) = sink.try_pull_sample(gst::ClockTime::from_mseconds(50)) {
            let map = sample
                .buffer()
                .and_then(|buffer| buffer.map_readable().ok());
            let map = map.ok_or_else(broken)?;
            let (pairs, _) = map.as_chunks::<2>();
            samples.extend(pairs.iter().map(|pair| i16::from_le_bytes(*pair)));
            if samples.len() > MAX_SECONDS * RATE {
                return Err(BadSound::Long);
            }
        } else if sink.is_eos() {
            return Ok(samples);
        } else if let Some(error) = failed() {
            return Err(BadSound::Undecodable(error));
        } else if Instant::now() >= late {
            return Err(BadSound::Slow);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::{f32::consts::TAU, os::unix::fs::PermissionsExt as _, path::PathBuf};

    use super::*;

    /// A folder of the test's own, which goes with it.
    struct Folder(PathBuf);

    impl Folder {
        fn new(name: &str) -> Self {
            let path =
                std::env::temp_dir().join(format!("porthole-sounds-{}-{name}", std::process::id()));
            fs::create_dir_all(&path).unwrap();
            Self(path)
        }

        fn file(&self, name: &str, bytes: &[u8]) -> String {
            let path = self.0.join(name);
            fs::write(&path, bytes).unwrap();
            path.to_str().unwrap().to_owned()
        }

        /// A program that does as the script says.
        fn program(&self, script: &str) -> String {
            let path = self.file("espeak-ng", format!("#!/bin/sh\n{script}\n").as_bytes());
            fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
            path
        }
    }

    impl Drop for Folder {
        fn drop(&mut self) {
            let _ = fs::remove_dir_all(&self.0);
        }
    }

    /// A tone of 440 Hz as WAV, of so many ms at this rate, on two channels.
    fn wav(rate: u32, ms: u32) -> Vec<u8> {
        let count = rate * ms / 1000;
        let data = count * 4;
        let mut wav = Vec::new();
        wav.extend(b"RIFF");
        wav.extend((36 + data).to_le_bytes());
        wav.extend(b"WAVEfmt ");
        wav.extend(16u32.to_le_bytes());
        wav.extend(1u16.to_le_bytes());
        wav.extend(2u16.to_le_bytes());
        wav.extend(rate.to_le_bytes());
        wav.extend((rate * 4).to_le_bytes());
        wav.extend(4u16.to_le_bytes());
        wav.extend(16u16.to_le_bytes());
        wav.extend(b"data");
        wav.extend(data.to_le_bytes());
        for n in 0..count {
            let angle = TAU * 440.0 * n as f32 / rate as f32;
            let sample = (angle.sin() * 20_000.0) as i16;
            wav.extend(sample.to_le_bytes());
            wav.extend(sample.to_le_bytes());
        }
        wav
    }

    #[test]
    fn a_file_becomes_samples_of_one_channel_at_the_rate_of_the_pad() {
        gst::init().unwrap();
        let folder = Folder::new("file");
        for rate in [8_000, 22_050, 44_100, 48_000] {
            let path = folder.file("ding.wav", &wav(rate, 500));
            let sound = load(&path, "").unwrap();
            let most = RATE / 2;
            assert!(
                (most * 98 / 100..=most * 102 / 100).contains(&sound.len()),
                "{rate}"
            );
            let loudest = sound.iter().map(|sample| sample.unsigned_abs()).max();
            assert!(
                (15_000..=25_000).contains(&loudest.unwrap()),
                "{rate}: {loudest:?}"
            );
        }
    }

    #[test]
    fn what_is_no_sound_is_refused_with_what_to_do() {
        gst::init().unwrap();
        let folder = Folder::new("bad");
        let silent = {
            let mut silent = wav(8_000, 100);
            silent[44..].fill(0);
            silent
        };
        let cases = [
            (
                folder.0.join("none.wav").to_str().unwrap().to_owned(),
                "cannot be read",
            ),
            (folder.0.to_str().unwrap().to_owned(), "no file"),
            ("/dev/zero".to_owned(), "no file"),
            (
                folder.file("text.wav", b"this is no sound at all, and no picture"),
                "cannot be decoded",
            ),
            (folder.file("empty.wav", b""), "it"),
            (
                folder.file("long.wav", &wav(8_000, 21_000)),
                "longer than 20 s",
            ),
            (folder.file("silent.wav", &silent), "no sound in it"),
            (
                folder.file("large.wav", &vec![0; MAX_FILE as usize + 1]),
                "16 MB",
            ),
            ("say:".to_owned(), "1 to 300"),
            (format!("say:{}", "x".repeat(301)), "1 to 300"),
        ];
        for (value, words) in cases {
            let error = load(&value, "").unwrap_err().to_string();
            assert!(error.contains(words), "{value}: {error}");
        }
    }

    #[test]
    fn words_are_spoken_by_a_program_that_is_not_waited_for_for_ever() {
        gst::init().unwrap();
        let folder = Folder::new("words");
        let spoken_wav = folder.file("spoken.wav", &wav(22_050, 300));
        let said = folder.0.join("said");
        let script = format!(
            "echo \"$*\" >{0}; cat >>{0}; cat {spoken_wav}",
            said.display()
        );
        let program = folder.program(&script);
        let wav = spoken(&program, "-f /etc/passwd; somebody comes", "de").unwrap();
        assert_eq!(decode(&wav).unwrap().len().div_ceil(RATE / 10), 3);
        let heard = fs::read_to_string(&said).unwrap();
        assert_eq!(
            heard,
            "--stdin --stdout -vde\n-f /etc/passwd; somebody comes"
        );
        let broken = folder.program("echo 'no such voice' >&2; exit 1");
        let error = spoken(&broken, "x", "xx").unwrap_err().to_string();
        assert_eq!(error, "espeak-ng: no such voice");
        let none = spoken("/nowhere/espeak-ng", "x", "")
            .unwrap_err()
            .to_string();
        assert!(none.contains("apt install espeak-ng"), "{none}");
    }
}
