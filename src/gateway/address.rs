// SPDX-License-Identifier: MPL-2.0
//! Where programs connect: what `gateway` may say. Pure.

use std::{net::SocketAddr, path::PathBuf};

/// The longest path that the system takes for a socket, with its final zero.
const MAX_PATH: usize = 107;

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Address {
    Tcp(SocketAddr),
    Unix(PathBuf),
}

/// Why a text is no place for programs to connect to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum BadAddress {
    #[error(
        "give ADDRESS:PORT, for example 127.0.0.1:8765, or unix:PATH, for example unix:/run/porthole/gateway.sock"
    )]
    Form,
    #[error("a socket's path has 1 to {MAX_PATH} bytes")]
    Path,
    #[error(
        "programs of other machines could connect without a credential; listen on 127.0.0.1, or set gateway-token-file"
    )]
    Open,
}

impl Address {
    /// Reads `ADDRESS:PORT`, where `localhost` stands for 127.0.0.1, or `unix:PATH`.
    pub(crate) fn parse(text: &str, has_token: bool) -> Result<Self, BadAddress> {
        if let Some(path) = text.strip_prefix("unix:") {
            return match (1..=MAX_PATH).contains(&path.len()) {
                true => Ok(Self::Unix(path.into())),
                false => Err(BadAddress::Path),
            };
        }
        let text = match text.strip_prefix("localhost:") {
            Some(port) => format!("127.0.0.1:{port}"),
            None => text.to_owned(),
        };
        let address: SocketAddr = text.parse().map_err(|_| BadAddress::Form)?;
        if !address.ip().is_loopback() && !has_token {
            return Err(BadAddress::Open);
        }
        Ok(Self::Tcp(address))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn loopback_and_paths_need_no_token() {
        for text in ["127.0.0.1:0", "localhost:8765", "[::1]:8765"] {
            assert!(matches!(
                Address::parse(text, false),
                Ok(Address::Tcp(address)) if address.ip().is_loopback()
            ));
        }
        let path = Address::Unix("/run/a.sock".into());
        assert_eq!(Address::parse("unix:/run/a.sock", false), Ok(path));
    }

    #[test]
    fn what_other_machines_reach_needs_a_token() {
        for text in ["0.0.0.0:8765", "[::]:8765", "192.0.2.1:8765"] {
            assert_eq!(Address::parse(text, false), Err(BadAddress::Open));
            assert!(Address::parse(text, true).is_ok());
        }
    }

    #[test]
    fn anything_else_is_no_address() {
        for text in [
            "",
            "8765",
            ":8765",
            "robot:8765",
            "127.0.0.1",
            "ws://127.0.0.1:1",
        ] {
            assert_eq!(Address::parse(text, true), Err(BadAddress::Form), "{text}");
        }
        let long = format!("unix:{}", "x".repeat(108));
        for text in ["unix:", &long] {
            assert_eq!(Address::parse(text, false), Err(BadAddress::Path));
        }
    }
}
