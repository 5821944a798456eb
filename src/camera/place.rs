// SPDX-License-Identifier: MPL-2.0
//! What the property `camera` names. Pure, but for one look whether a file is there.

use std::path::PathBuf;

use url::Url;

/// A camera.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Place {
    /// A moving test pattern and a ticking sound.
    Test,
    /// A video file, looped.
    File(Url),
}

/// Why a text names no camera. Names the fix.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum BadPlace {
    #[error(
        "camera={0}: give camera=test or camera=file:///PATH. For a USB or Pi camera put v4l2src or libcamerasrc in place of portholesrc, as in pipelines/20-usb-camera.launch and 21-pi-camera.launch"
    )]
    Unknown(String),
    #[error(
        "camera={0}: a file needs its whole path, with three slashes: camera=file:///home/pi/road.mp4"
    )]
    Relative(String),
    #[error(
        "camera={0}: there is no such file, or it may not be read; check the path and its permissions"
    )]
    Missing(String),
}

impl Place {
    /// Reads the property.
    pub(crate) fn parse(text: &str) -> Result<Self, BadPlace> {
        if text == "test" {
            return Ok(Self::Test);
        }
        if !text.starts_with("file:") {
            return Err(BadPlace::Unknown(text.to_owned()));
        }
        if !text.starts_with("file:///") {
            return Err(BadPlace::Relative(text.to_owned()));
        }
        let url = Url::parse(text).map_err(|_| BadPlace::Relative(text.to_owned()))?;
        let path: PathBuf = url
            .to_file_path()
            .map_err(|()| BadPlace::Relative(text.to_owned()))?;
        match std::fs::File::open(&path).and_then(|file| file.metadata()) {
            Ok(metadata) if metadata.is_file() => Ok(Self::File(url)),
            _ => Err(BadPlace::Missing(text.to_owned())),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_names_the_test_camera_or_a_file_that_is_there() {
        assert_eq!(Place::parse("test"), Ok(Place::Test));
        let here = format!("file://{}/Cargo.toml", env!("CARGO_MANIFEST_DIR"));
        assert_eq!(
            Place::parse(&here),
            Ok(Place::File(Url::parse(&here).unwrap()))
        );
    }

    #[test]
    fn everything_else_says_what_to_do() {
        assert!(matches!(
            Place::parse("/dev/video0"),
            Err(BadPlace::Unknown(_))
        ));
        assert!(matches!(
            Place::parse("file://x.mp4"),
            Err(BadPlace::Relative(_))
        ));
        assert!(matches!(
            Place::parse("file:///no/such.mp4"),
            Err(BadPlace::Missing(_))
        ));
        assert!(matches!(
            Place::parse("file:///"),
            Err(BadPlace::Missing(_))
        ));
    }
}
