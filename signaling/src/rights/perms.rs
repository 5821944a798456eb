// SPDX-License-Identifier: MPL-2.0
//! A set of permissions, as bits.

use std::collections::BTreeSet;
use std::fmt;
use std::ops::{BitAnd, BitOr};

use porthole_protocol::grant::Permission;
use serde::{Deserialize, Serialize};

/// A set of permissions.
#[derive(Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(from = "BTreeSet<Permission>", into = "BTreeSet<Permission>")]
pub struct Perms(u8);

impl Perms {
    /// None.
    pub const NONE: Self = Self(0);

    /// All there are.
    pub fn all() -> Self {
        Permission::ALL.into_iter().collect()
    }

    const fn bit(permission: Permission) -> u8 {
        1 << permission as u8
    }

    /// Whether this one is among them.
    pub fn contains(self, permission: Permission) -> bool {
        self.0 & Self::bit(permission) != 0
    }

    /// Whether each of them is one of those.
    pub fn is_subset(self, of: Self) -> bool {
        self.0 & !of.0 == 0
    }

    /// Each of them, in the order of their declaration.
    pub fn iter(self) -> impl Iterator<Item = Permission> {
        Permission::ALL
            .into_iter()
            .filter(move |one| self.contains(*one))
    }
}

impl BitOr for Perms {
    type Output = Self;

    fn bitor(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }
}

impl BitAnd for Perms {
    type Output = Self;

    fn bitand(self, other: Self) -> Self {
        Self(self.0 & other.0)
    }
}

impl FromIterator<Permission> for Perms {
    fn from_iter<I: IntoIterator<Item = Permission>>(all: I) -> Self {
        let bits = all.into_iter().map(Self::bit);
        Self(bits.fold(0, |bits, bit| bits | bit))
    }
}

impl<const N: usize> From<[Permission; N]> for Perms {
    fn from(all: [Permission; N]) -> Self {
        all.into_iter().collect()
    }
}

impl From<&BTreeSet<Permission>> for Perms {
    fn from(all: &BTreeSet<Permission>) -> Self {
        all.iter().copied().collect()
    }
}

impl From<BTreeSet<Permission>> for Perms {
    fn from(all: BTreeSet<Permission>) -> Self {
        (&all).into()
    }
}

impl From<Perms> for BTreeSet<Permission> {
    fn from(perms: Perms) -> Self {
        perms.iter().collect()
    }
}

impl fmt::Debug for Perms {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.iter()).finish()
    }
}
