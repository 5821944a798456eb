// SPDX-License-Identifier: MPL-2.0
//! How a camera follows its server from one key to the next: each key vouches for the one after it.
//!
//! A camera pins the key it was enrolled with, and believes of any other what the newest key it knows has signed. So what
//! an older key signs counts for nothing any more, and a chain with a gap leads nowhere. What was learned is kept in
//! memory: a camera that starts again begins at the key it was enrolled with, and is told the chain again.

use base64::prelude::{BASE64_URL_SAFE_NO_PAD, Engine as _};
use serde::{Deserialize, Serialize};

use super::{Grant, GrantError, GrantKey};

/// The `typ` header of the statement by which a key vouches for the next one.
pub const KEY_TYPE: &str = "porthole-key+jwt";

/// Statements that a server keeps and a camera looks at: more than two years of a new key each month, in a
/// message of some 10 KiB. A camera that was enrolled before them has to be enrolled again.
pub const MAX_CHAIN: usize = 32;

/// The claims of a statement.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct NextKey {
    /// The key after the one that signed this.
    pub key: GrantKey,
    /// Its place among the server's keys, of which the first has 0.
    pub seq: u32,
}

impl NextKey {
    /// What a statement says, whoever signed it.
    pub(super) fn unverified(statement: &str) -> Option<Self> {
        let claims = BASE64_URL_SAFE_NO_PAD.decode(statement.split('.').nth(1)?);
        serde_json::from_slice(&claims.ok()?).ok()
    }
}

/// The keys of one server, as a camera knows them.
#[derive(Debug)]
pub struct KeyRing {
    newest: GrantKey,
    /// Of the newest; not known of the one that was pinned.
    seq: Option<u32>,
}

impl KeyRing {
    /// Of a camera that was enrolled with `pinned`.
    pub fn new(pinned: GrantKey) -> Self {
        Self {
            newest: pinned,
            seq: None,
        }
    }

    /// Follows the chain as far as it can be followed, and says how many keys were learned. What does not begin
    /// at the newest key that is known is passed over; what claims to and is not signed by it is an error.
    pub fn learn(&mut self, chain: &[String]) -> Result<usize, GrantError> {
        let mut learned = 0;
        for statement in chain.iter().take(MAX_CHAIN) {
            match self.newest.read_next(statement) {
                Ok(next) if self.seq.is_none_or(|seq| next.seq > seq) => {
                    self.newest = next.key;
                    self.seq = Some(next.seq);
                    learned += 1;
                }
                Ok(_) | Err(GrantError::OtherKey) => (),
                Err(error) => return Err(error),
            }
        }
        Ok(learned)
    }

    /// The key that signs grants, as far as it is known.
    pub fn newest(&self) -> GrantKey {
        self.newest
    }

    /// Reads a grant, which the newest key must have signed.
    pub fn read(&self, token: &str) -> Result<Grant, GrantError> {
        self.newest.read(token)
    }
}

#[cfg(test)]
#[path = "chain_tests.rs"]
mod tests;
