// SPDX-License-Identifier: MPL-2.0
//! The tables `[[doorbell]]` and `[[do-not-disturb]]` of the configuration file.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use jiff::civil::Time;
use jiff::tz::TimeZone;
use serde::de::{Deserialize, Deserializer, Error as _};

use super::values::{camera_id, user};
use crate::room::{Doorbell, Doorbells, Hours, MAX_AFTER, MAX_RECIPIENTS, MayOpen, Quiet, Target};

/// Whom one camera's doorbell rings.
#[derive(Clone, Debug, PartialEq, Eq, serde::Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(super) struct DoorbellTable {
    #[serde(deserialize_with = "camera_id")]
    camera: String,
    ring: Option<Vec<Rung>>,
    #[serde(default)]
    press: BTreeSet<User>,
    #[serde(default)]
    door: Door,
}

/// Who may open the door, of those who have answered: all, nobody, or these.
#[derive(Clone, Debug, PartialEq, Eq, serde::Deserialize)]
#[serde(
    untagged,
    expecting = "door is true (whoever has answered may open), false, or a list of users' names"
)]
enum Door {
    All(bool),
    Only(BTreeSet<User>),
}

impl Default for Door {
    fn default() -> Self {
        Self::All(false)
    }
}

/// Someone whom it rings: the name, or that and how many seconds after the press.
#[derive(Clone, Debug, PartialEq, Eq, serde::Deserialize)]
#[serde(
    untagged,
    expecting = "write a user's name, or {user = \"bob\", after = 15}"
)]
enum Rung {
    AtOnce(User),
    Later(Later),
}

#[derive(Clone, Debug, PartialEq, Eq, serde::Deserialize)]
#[serde(deny_unknown_fields)]
struct Later {
    user: User,
    after: u64,
}

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, serde::Deserialize)]
#[serde(transparent)]
struct User(#[serde(deserialize_with = "user")] String);

/// When someone is not to be disturbed.
#[derive(Clone, Debug, PartialEq, Eq, serde::Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(super) struct DoNotDisturbTable {
    user: User,
    cameras: Option<BTreeSet<String>>,
    #[serde(default, deserialize_with = "time")]
    from: Option<Time>,
    #[serde(default, deserialize_with = "time")]
    to: Option<Time>,
    zone: Option<String>,
}

/// Puts the tables together, or says what is wrong with them.
pub(super) fn doorbells(
    bells: &[DoorbellTable],
    quiet: &[DoNotDisturbTable],
) -> Result<Doorbells, String> {
    let mut rules = BTreeMap::new();
    for table in bells {
        let wrong = |what: String| format!("[[doorbell]] camera = \"{}\": {what}", table.camera);
        let rule = table.rule().map_err(wrong)?;
        if rules.insert(table.camera.clone(), rule).is_some() {
            return Err(wrong("is there twice: remove one".to_owned()));
        }
    }
    let quiet = quiet.iter().map(|table| {
        let wrong =
            |what: String| format!("[[do-not-disturb]] user = \"{}\": {what}", table.user.0);
        table.quiet().map_err(wrong)
    });
    Ok(Doorbells {
        rules,
        quiet: quiet.collect::<Result<_, _>>()?,
    })
}

impl DoorbellTable {
    fn rule(&self) -> Result<Doorbell, String> {
        let ring = self.ring.as_ref().map(|ring| targets(ring)).transpose()?;
        let press = self.press.iter().map(|user| user.0.clone()).collect();
        let door = match &self.door {
            Door::All(false) => MayOpen::Nobody,
            Door::All(true) => MayOpen::Anybody,
            Door::Only(users) => MayOpen::Only(users.iter().map(|user| user.0.clone()).collect()),
        };
        Ok(Doorbell { ring, press, door })
    }
}

fn targets(ring: &[Rung]) -> Result<Vec<Target>, String> {
    if ring.len() > MAX_RECIPIENTS {
        return Err(format!("ring has at most {MAX_RECIPIENTS} people"));
    }
    let mut seen = BTreeSet::new();
    let targets = ring.iter().map(|rung| {
        let (user, after) = match rung {
            Rung::AtOnce(user) => (user, 0),
            Rung::Later(later) => (&later.user, later.after),
        };
        let (user, most) = (user.0.clone(), MAX_AFTER.as_secs());
        if after > most {
            return Err(format!(
                "after = {after} is too late to answer: use up to {most} seconds"
            ));
        }
        match seen.insert(user.clone()) {
            true => Ok(Target {
                user,
                after: Duration::from_secs(after),
            }),
            false => Err(format!("{user} is there twice: remove one")),
        }
    });
    targets.collect()
}

impl DoNotDisturbTable {
    fn quiet(&self) -> Result<Quiet, String> {
        let hours = match (self.from, self.to) {
            (Some(from), Some(to)) => Some(Hours {
                from,
                to,
                zone: self.zone()?,
            }),
            (None, None) if self.zone.is_none() => None,
            (None, None) => return Err("zone is of from and to: give them too".to_owned()),
            _ => return Err("from and to belong together: give both or neither".to_owned()),
        };
        Ok(Quiet {
            user: self.user.0.clone(),
            cameras: self.cameras.clone(),
            hours,
        })
    }

    fn zone(&self) -> Result<TimeZone, String> {
        let Some(name) = &self.zone else {
            return Ok(TimeZone::system());
        };
        TimeZone::get(name).map_err(|_| {
            format!("zone = \"{name}\" is not known here: write it as Europe/Berlin or UTC")
        })
    }
}

fn time<'de, D: Deserializer<'de>>(d: D) -> Result<Option<Time>, D::Error> {
    let text = String::deserialize(d)?;
    let time = text.parse().map_err(|_| {
        D::Error::custom(format!("\"{text}\" is no time of day: write it as 22:00"))
    })?;
    Ok(Some(time))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(serde::Deserialize)]
    #[serde(rename_all = "kebab-case")]
    struct Tables {
        #[serde(default)]
        doorbell: Vec<DoorbellTable>,
        #[serde(default)]
        do_not_disturb: Vec<DoNotDisturbTable>,
    }

    fn read(text: &str) -> Result<Doorbells, String> {
        let tables: Tables = toml_edit::de::from_str(text).map_err(|e| e.message().to_owned())?;
        doorbells(&tables.doorbell, &tables.do_not_disturb)
    }

    #[test]
    fn a_rule_names_people_and_when() {
        let text = "[[doorbell]]\ncamera = \"front\"\nring = [\"alice\", {user = \"bob\", after = 15}]\npress = [\"button\"]";
        let bells = read(text).unwrap();
        let rule = &bells.rules["front"];
        let ring = rule.ring.as_ref().unwrap();
        let ring = ring.iter().map(|to| (&*to.user, to.after.as_secs()));
        assert_eq!(ring.collect::<Vec<_>>(), [("alice", 0), ("bob", 15)]);
        assert!(rule.press.contains("button"));
        let rule = read("[[doorbell]]\ncamera = \"front\"").unwrap();
        assert_eq!(rule.rules["front"].ring, None);
        let nobody = read("[[doorbell]]\ncamera = \"front\"\nring = []").unwrap();
        assert_eq!(nobody.rules["front"].ring, Some(Vec::new()));
    }

    #[test]
    fn a_rule_says_who_opens_the_door() {
        let door = |rest: &str| {
            let text = format!("[[doorbell]]\ncamera = \"front\"\n{rest}");
            read(&text).unwrap().rules["front"].door.clone()
        };
        assert_eq!(door(""), MayOpen::Nobody);
        assert_eq!(door("door = false"), MayOpen::Nobody);
        assert_eq!(door("door = true"), MayOpen::Anybody);
        let alice = MayOpen::Only(["alice".to_owned()].into());
        assert_eq!(door("door = [\"alice\"]"), alice);
    }

    #[test]
    fn a_night_has_a_beginning_and_an_end() {
        let night = "[[do-not-disturb]]\nuser = \"alice\"\nfrom = \"22:00\"\nto = \"07:00\"\nzone = \"UTC\"\ncameras = [\"front\"]";
        let quiet = &read(night).unwrap().quiet[0];
        let hours = quiet.hours.as_ref().unwrap();
        assert_eq!((hours.from.hour(), hours.to.hour()), (22, 7));
        let always = read("[[do-not-disturb]]\nuser = \"alice\"").unwrap();
        assert_eq!(always.quiet[0].hours, None);
    }

    #[test]
    fn what_is_wrong_is_said() {
        let many: Vec<_> = (0..=MAX_RECIPIENTS).map(|n| format!("\"u{n}\"")).collect();
        let bell = |rest: &str| format!("[[doorbell]]\ncamera = \"front\"\n{rest}\n");
        let quiet = |rest: &str| format!("[[do-not-disturb]]\nuser = \"alice\"\n{rest}\n");
        for (text, words) in [
            (bell("") + &bell(""), "is there twice"),
            (bell("ring = [\"a\", \"a\"]"), "a is there twice"),
            (bell(&format!("ring = [{}]", many.join(","))), "at most 32"),
            (bell("ring = [{user = \"a\", after = 31}]"), "too late"),
            (bell("ring = [1]"), "write a user's name"),
            (bell("door = 1"), "door is true"),
            (bell("door = [\"guest\"]"), "door is true"),
            (bell("ring = [\"guest\"]"), "write a user's name"),
            (quiet("from = \"22:00\""), "belong together"),
            (quiet("zone = \"UTC\""), "zone is of from and to"),
            (quiet("from = \"22\"\nto = \"25:00\""), "is no time of day"),
            (
                quiet("from = \"1:00\"\nto = \"07:00\""),
                "is no time of day",
            ),
            (
                quiet("from = \"22:00\"\nto = \"07:00\"\nzone = \"Mars/Olympus\""),
                "is not known here",
            ),
        ] {
            let error = read(&text).unwrap_err();
            assert!(error.contains(words), "{text}: {error}");
        }
    }
}
