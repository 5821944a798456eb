// SPDX-License-Identifier: MPL-2.0
//! What a token or an answer of the backend lets someone do.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use porthole_protocol::grant::Permission;
use porthole_protocol::key::is_camera_id;
use serde::Deserialize;
use serde_json::Value;

use super::Identity;
use crate::model::{Role, Window, is_user_name};
use crate::rights::{Cameras, DEFAULT_LEASE_SECONDS, Rights, Rule, When};

/// Most cameras that one token may name: more than anyone has, and `"*"` names all.
const MAX_CAMERAS_NAMED: usize = 1000;

/// Most groups of one token that are looked at. Entra ID names no more than 200 in a token.
const MAX_GROUPS: usize = 1000;

/// Where a provider's tokens say who someone is, and what its groups may do here. Without it the name is `sub`, and the
/// claims `role`, `cameras`, `perms`, `from` and `until` say what it may.
#[derive(Clone, Debug, Default)]
pub struct Mapping {
    /// The claim with the name, instead of `sub`.
    pub name_claim: Option<String>,
    /// The claim with the groups, a list of texts or one, and what each group may. A claim within another has dots,
    /// such as `realm_access.roles`.
    pub groups: Option<(String, BTreeMap<String, Group>)>,
}

/// What the people of a group may do.
#[derive(Clone, Debug)]
pub struct Group {
    /// With the server.
    pub role: Role,
    /// At which cameras, and what; an administrator everything at all.
    pub cameras: Cameras,
    /// What, at each of them.
    pub perms: BTreeSet<Permission>,
}

/// The claim of this name, or that within another one. Names with dots of their own, such as URLs, come first.
pub(super) fn find<'a>(payload: &'a Value, path: &str) -> Option<&'a Value> {
    payload.get(path).or_else(|| {
        let (outer, inner) = path.split_once('.')?;
        find(payload.get(outer)?, inner)
    })
}

/// The name of the claim that this one may be in.
fn outermost(path: &str) -> &str {
    path.split_once('.').map_or(path, |(outer, _)| outer)
}

/// The claims that say what someone may, where groups do not.
const RIGHTS: [&str; 6] = ["role", "cameras", "perms", "booked", "from", "until"];

impl Mapping {
    /// The claims, by their names at the outside, that say who someone is and what it may, and are not in this payload.
    pub(crate) fn missing(&self, payload: &Value) -> Vec<&str> {
        let lacks = |path| find(payload, path).is_none();
        let mut missing = Vec::new();
        let name = self.name_claim();
        if lacks(name) {
            missing.extend([name, outermost(name)]);
            // It says what the address is worth.
            missing.extend((name == "email").then_some("email_verified"));
        }
        match &self.groups {
            Some((claim, _)) if lacks(claim) => missing.extend([claim.as_str(), outermost(claim)]),
            None if lacks("role") && lacks("cameras") => missing.extend(RIGHTS),
            _ => (),
        }
        missing
    }

    /// The claim that has the name.
    pub(super) fn name_claim(&self) -> &str {
        self.name_claim.as_deref().unwrap_or("sub")
    }

    /// What a token that is good in this window lets `user` do.
    pub(super) fn identity(
        &self,
        user: &str,
        payload: &Value,
        good: Window,
    ) -> Result<Identity, &'static str> {
        let Some((claim, known)) = &self.groups else {
            let claims = Claims::deserialize(payload);
            let claims =
                claims.map_err(|_| "its role, cameras, perms, from or until is not understood")?;
            return identity(user, &claims, good);
        };
        let named = match find(payload, claim) {
            Some(Value::Array(names)) => names.iter().filter_map(Value::as_str).collect(),
            Some(Value::String(name)) => vec![name.as_str()],
            _ => Vec::new(),
        };
        let own: Vec<_> = named
            .into_iter()
            .take(MAX_GROUPS)
            .filter_map(|name| known.get(name))
            .collect();
        if own.is_empty() {
            return Err("none of its groups is one that may do something here");
        }
        let is_administrator = own.iter().any(|group| group.role == Role::Administrator);
        let rules = match is_administrator {
            true => vec![(Cameras::All, all_permissions())],
            false => own
                .into_iter()
                .map(|group| (group.cameras.clone(), group.perms.clone()))
                .collect(),
        };
        let role = match is_administrator {
            true => Role::Administrator,
            false => Role::Viewer,
        };
        named_identity(user, role, (rules, false), good)
    }
}

/// The claims about rights, besides the name.
#[derive(Clone, Debug, Default, Deserialize)]
pub(super) struct Claims {
    /// Without it, a viewer.
    role: Option<Role>,
    /// Without it, none. An administrator has all.
    cameras: Option<Named>,
    /// Without it, to see and to hear. An administrator has all.
    perms: Option<BTreeSet<Permission>>,
    /// Whether it is a booking, which goes before a mere permission. Without it, no.
    booked: Option<bool>,
    from: Option<Moment>,
    until: Option<Moment>,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(untagged)]
enum Named {
    All(Star),
    Only(BTreeSet<String>),
}

#[derive(Clone, Debug, Deserialize)]
enum Star {
    #[serde(rename = "*")]
    Star,
}

/// Seconds since 1970 as tokens have them, or RFC 3339 with an offset.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(untagged)]
enum Moment {
    Seconds(i64),
    Text(Timestamp),
}

impl Moment {
    fn at(self) -> Option<Timestamp> {
        match self {
            Self::Seconds(seconds) => Timestamp::from_second(seconds).ok(),
            Self::Text(at) => Some(at),
        }
    }
}

/// Who `user` is, by `claims` that are good in the window `good`; what they say of times only narrows it.
pub(super) fn identity(
    user: &str,
    claims: &Claims,
    good: Window,
) -> Result<Identity, &'static str> {
    let moment = |moment: Option<Moment>, without| match moment.map(Moment::at) {
        None => Ok(without),
        Some(Some(at)) => Ok(at),
        Some(None) => Err("from or until is no time"),
    };
    let window = Window {
        start: moment(claims.from, good.start)?.max(good.start),
        end: moment(claims.until, good.end)?.min(good.end),
    };
    if window.start >= window.end {
        return Err("it is good at no time: its end is before its start");
    }
    let role = claims.role.unwrap_or(Role::Viewer);
    let (cameras, perms) = match role {
        Role::Administrator => (Cameras::All, all_permissions()),
        Role::Viewer => (cameras(claims.cameras.as_ref())?, perms(claims)),
    };
    let booked = claims.booked.unwrap_or(false);
    named_identity(user, role, (vec![(cameras, perms)], booked), window)
}

fn named_identity(
    user: &str,
    role: Role,
    (rules, booked): (Vec<(Cameras, BTreeSet<Permission>)>, bool),
    window: Window,
) -> Result<Identity, &'static str> {
    if !is_user_name(user) {
        return Err("its user's name is longer than 64 bytes, or has characters that no name has");
    }
    let rules = rules.into_iter().map(|(cameras, perms)| Rule {
        cameras,
        perms: (&perms).into(),
        when: When::Within(window),
        lease: DEFAULT_LEASE_SECONDS,
        booked,
        saving: true,
        own: false,
        booking: None,
    });
    Ok(Identity {
        role,
        rights: Rights::new(user, rules),
        until: window.end,
    })
}

fn cameras(named: Option<&Named>) -> Result<Cameras, &'static str> {
    match named {
        None => Ok(Cameras::Only(BTreeSet::new())),
        Some(Named::All(Star::Star)) => Ok(Cameras::All),
        Some(Named::Only(ids)) if ids.len() > MAX_CAMERAS_NAMED => {
            Err("it names more than 1000 cameras: take \"*\"")
        }
        Some(Named::Only(ids)) if !ids.iter().all(|id| is_camera_id(id)) => {
            Err("one of its cameras has a name that no camera has")
        }
        Some(Named::Only(ids)) => Ok(Cameras::Only(ids.clone())),
    }
}

fn perms(claims: &Claims) -> BTreeSet<Permission> {
    let said = claims.perms.clone();
    said.unwrap_or_else(|| [Permission::View, Permission::Listen].into())
}

fn all_permissions() -> BTreeSet<Permission> {
    Permission::ALL.into()
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::rights::Perms;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    fn read(claims: Value) -> Result<Identity, String> {
        let claims: Claims = serde_json::from_value(claims).map_err(|error| error.to_string())?;
        let good = Window {
            start: at(100),
            end: at(200),
        };
        identity("anna", &claims, good).map_err(str::to_owned)
    }

    fn rule(claims: Value) -> Rule {
        let identity = read(claims).unwrap();
        assert_eq!(identity.role, Role::Viewer);
        assert_eq!(
            (&*identity.rights.user, identity.rights.shared),
            ("anna", false)
        );
        identity.rights.rules()[0].clone()
    }

    #[test]
    fn what_is_not_said_is_not_given() {
        let rule = rule(json!({}));
        assert_eq!(rule.cameras, Cameras::Only(BTreeSet::new()));
        assert_eq!(rule.perms, [Permission::View, Permission::Listen].into());
        assert_eq!(
            rule.when,
            When::Within(Window {
                start: at(100),
                end: at(200)
            })
        );
    }

    #[test]
    fn cameras_are_named_or_all() {
        let only = Cameras::Only(["front".to_owned(), "yard".to_owned()].into());
        assert_eq!(rule(json!({ "cameras": ["yard", "front"] })).cameras, only);
        assert_eq!(rule(json!({ "cameras": "*" })).cameras, Cameras::All);
        let many: Vec<_> = (0..=MAX_CAMERAS_NAMED).map(|n| format!("c{n}")).collect();
        for wrong in [
            json!("front"),
            json!(["*"]),
            json!(["a b"]),
            json!(7),
            json!([1]),
            json!({ "a": 1 }),
            json!(many),
        ] {
            assert!(read(json!({ "cameras": wrong })).is_err(), "{wrong}");
        }
    }

    #[test]
    fn an_unknown_role_or_permission_is_refused() {
        assert_eq!(rule(json!({ "perms": [] })).perms, Perms::NONE);
        assert_eq!(
            rule(json!({ "perms": ["talk"] })).perms,
            [Permission::Talk].into()
        );
        for wrong in [
            json!({ "perms": ["view", "everything"] }),
            json!({ "perms": "view" }),
            json!({ "role": "admin" }),
            json!({ "role": ["administrator"] }),
            json!({ "role": "Administrator" }),
        ] {
            assert!(read(wrong.clone()).is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_booking_is_what_says_so() {
        assert!(!rule(json!({ "perms": ["control"] })).booked);
        assert!(rule(json!({ "booked": true })).booked);
        assert!(read(json!({ "booked": "yes" })).is_err());
    }

    #[test]
    fn an_administrator_has_everything_until_the_end() {
        let identity =
            read(json!({ "role": "administrator", "cameras": ["front"], "until": 150 })).unwrap();
        assert_eq!(
            (identity.role, identity.until),
            (Role::Administrator, at(150))
        );
        let rule = &identity.rights.rules()[0];
        assert_eq!((&rule.cameras, rule.perms), (&Cameras::All, Perms::all()));
        assert_eq!(rule.when.end(), Some(at(150)));
    }

    #[test]
    fn times_only_narrow() {
        let window = |claims| match rule(claims).when {
            When::Within(window) => window,
            other => panic!("{other:?}"),
        };
        assert_eq!(
            window(json!({ "from": 120, "until": "1970-01-01T01:02:30+01:00" })),
            Window {
                start: at(120),
                end: at(150)
            }
        );
        assert_eq!(
            window(json!({ "from": 1, "until": 1_000 })),
            Window {
                start: at(100),
                end: at(200)
            }
        );
        for wrong in [
            json!({ "from": 200 }),
            json!({ "until": 100 }),
            json!({ "from": 150, "until": 150 }),
            json!({ "until": "tomorrow" }),
            json!({ "until": "1970-01-01T00:02:30" }),
            json!({ "until": i64::MAX }),
            json!({ "until": 1e300 }),
            json!({ "from": true }),
        ] {
            assert!(read(wrong.clone()).is_err(), "{wrong}");
        }
    }

    #[test]
    fn what_is_missing_is_asked_for_and_nothing_else() {
        let plain = Mapping::default();
        let token = json!({ "sub": "1", "iss": "i" });
        assert_eq!(plain.missing(&token), RIGHTS);
        assert!(
            plain
                .missing(&json!({ "sub": "1", "role": "viewer" }))
                .is_empty()
        );
        let mapping = Mapping {
            name_claim: Some("email".to_owned()),
            groups: Some(("realm_access.roles".to_owned(), BTreeMap::new())),
        };
        let all = [
            "email",
            "email",
            "email_verified",
            "realm_access.roles",
            "realm_access",
        ];
        assert_eq!(mapping.missing(&token), all);
        let there = json!({ "email": "a@id.example", "realm_access": { "roles": [] } });
        assert!(mapping.missing(&there).is_empty());
    }

    #[test]
    fn a_name_is_one_that_a_user_may_have() {
        let good = Window {
            start: at(100),
            end: at(200),
        };
        for name in [
            "",
            " anna",
            "guest",
            "share:1",
            "a/b",
            "server",
            &"n".repeat(65),
        ] {
            assert!(identity(name, &Claims::default(), good).is_err(), "{name}");
        }
    }
}
