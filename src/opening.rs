// SPDX-License-Identifier: MPL-2.0
//! The door: who may open it, as grants say, and who did, for the application and the server's audit log.

pub(crate) use porthole_protocol::door::{DoorResult, MAX_DOOR_DETAIL};
use porthole_protocol::{grant::Grant, grant::Permission, ring::MAX_RING_ID_BYTES};

/// Whether somebody may open the door.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum DoorRight {
    #[default]
    No,
    Always,
    /// While this call is answered.
    InCall(CallKey),
}

/// A call's id, in a form that is copied.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct CallKey([u8; MAX_RING_ID_BYTES]);

impl CallKey {
    /// `None` for what is the id of no call.
    pub(crate) fn new(id: &str) -> Option<Self> {
        let mut key = [0; MAX_RING_ID_BYTES];
        let is_id = !id.is_empty() && !id.contains('\0');
        key.get_mut(..id.len())
            .filter(|_| is_id)?
            .copy_from_slice(id.as_bytes());
        Some(Self(key))
    }
}

impl DoorRight {
    pub(crate) fn of(grant: &Grant) -> Self {
        match &grant.door_call {
            _ if !grant.perms.contains(&Permission::Door) => Self::No,
            None => Self::Always,
            Some(call) => CallKey::new(call).map_or(Self::No, Self::InCall),
        }
    }
}

/// That somebody wanted the door open, and what came of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct DoorAsked {
    pub(crate) session: String,
    pub(crate) user: String,
    pub(crate) result: DoorResult,
    /// The call that ran then.
    pub(crate) call: Option<String>,
    /// Why the program refused it, in its own words.
    pub(crate) detail: Option<String>,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn right(perms: &[Permission], call: Option<&str>) -> DoorRight {
        DoorRight::of(&Grant {
            aud: "front".into(),
            sub: "alice".into(),
            sid: "s".into(),
            nonce: "n".into(),
            seq: 0,
            lease: 60,
            perms: perms.to_vec(),
            booked: None,
            door_call: call.map(str::to_owned),
        })
    }

    #[test]
    fn a_grant_lets_open_the_door_always_in_a_call_or_not_at_all() {
        let door = [Permission::View, Permission::Door];
        assert_eq!(right(&door, None), DoorRight::Always);
        let call = "018f2b7e-6f4a-7c3d-9e21-0a1b2c3d4e5f";
        let key = CallKey::new(call).unwrap();
        assert_eq!(right(&door, Some(call)), DoorRight::InCall(key));
        assert_ne!(CallKey::new("018f2b7e"), Some(key));
        // The id of no call is no right, and neither is a call without the permission.
        for call in ["", &"x".repeat(37), "a\0"] {
            assert_eq!(right(&door, Some(call)), DoorRight::No, "{call:?}");
        }
        assert_eq!(right(&door[..1], Some(call)), DoorRight::No);
        assert_eq!(right(&door[..1], None), DoorRight::No);
    }
}
