// SPDX-License-Identifier: MPL-2.0
//! What a rung sends when its members carry different amounts, and who has to leave it.
//!
//! - It sends what its weakest member carries, if that is not far less than what the others carry.
//! - What members have really received is not taken from them for a weaker one's sake: that one leaves.
//! - A weaker one that carries what is sent now stays, and the rung stays with it, unless the others would gain more (as the
//!   sum of logarithms, so that a tenth of the picture weighs the same for everyone) than it loses on the rung below.
//! - The last rung has nobody leave it. It goes below half its ceiling only if nobody on it carries more.

/// A member that carries less than this share of the best has fallen behind. One cut of GCC (0.85 of what arrives) is no
/// reason to change rungs.
const ALIKE: u32 = 80;

use super::size::percent;

#[derive(Clone, Copy, Debug)]
pub(super) struct Member {
    /// The video that it can take.
    pub(super) carries: u32,
    /// The video that has really arrived there.
    pub(super) received: u32,
    /// It came just now: the others do not suffer from it.
    pub(super) on_trial: bool,
    /// It has been holding the others back for long.
    pub(super) behind: bool,
}

#[derive(Clone, Copy, Debug)]
pub(super) struct Rung {
    pub(super) ceiling: u32,
    /// What the rung below sends or could send; nothing on the last.
    pub(super) below: Option<u32>,
}

/// The target of `rung`, or nothing if nobody is on it.
pub(super) fn target(rung: Rung, members: &[Member]) -> Option<u32> {
    let seniors: Vec<Member> = if members.iter().all(|member| member.on_trial) {
        members.to_vec()
    } else {
        members.iter().filter(|m| !m.on_trial).copied().collect()
    };
    let voice = |member: &Member| member.carries.min(rung.ceiling);
    let best = seniors.iter().map(voice).max()?;
    let line = percent(best, ALIKE);
    let weakest = seniors.iter().map(voice).min()?;
    let alike = || {
        seniors
            .iter()
            .map(voice)
            .filter(move |&voice| voice >= line)
    };
    let raised = alike().min()?;
    let Some(below) = rung.below else {
        let half = rung.ceiling / 2;
        return Some(if best < half {
            raised
        } else {
            weakest.max(half)
        });
    };
    let due = seniors
        .iter()
        .map(|member| member.received.min(member.carries).min(rung.ceiling))
        .max()?;
    let content = |member: &&Member| voice(member) < line && voice(member) >= percent(due, ALIKE);
    let Some(held) = seniors.iter().filter(content).map(voice).min() else {
        return Some(raised);
    };
    let leaving = seniors.iter().filter(content);
    if !leaving.clone().any(|member| member.behind) {
        return Some(held);
    }
    let lost: f64 = leaving.map(|m| gain(voice(m).min(below), held)).sum();
    let won = gain(held, raised) * count(alike().count());
    Some(if won > lost { raised } else { held })
}

/// Whether it carries clearly less than `target`.
pub(super) fn falls_behind(carries: u32, target: u32) -> bool {
    carries < percent(target, ALIKE)
}

fn gain(from: u32, to: u32) -> f64 {
    (f64::from(to.max(1)) / f64::from(from.max(1))).ln()
}

fn count(members: usize) -> f64 {
    u32::try_from(members).map_or(f64::MAX, f64::from)
}

#[cfg(test)]
mod tests {
    use super::*;

    const RUNG: Rung = Rung {
        ceiling: 1_800_000,
        below: Some(600_000),
    };

    fn member(carries: u32) -> Member {
        Member {
            carries,
            received: carries,
            on_trial: false,
            behind: false,
        }
    }

    #[test]
    fn a_rung_sends_what_the_weakest_of_its_kind_carries() {
        let members = [member(1_500_000), member(1_300_000), member(9_000_000)];
        assert_eq!(target(RUNG, &members[..2]), Some(1_300_000));
        assert_eq!(target(RUNG, &members[2..]), Some(1_800_000));
        assert_eq!(target(RUNG, &members), Some(1_500_000));
        assert_eq!(target(RUNG, &[]), None);
    }

    #[test]
    fn newcomers_are_heard_only_among_themselves() {
        let trial = |carries| Member {
            on_trial: true,
            ..member(carries)
        };
        let weak = trial(1_300_000);
        assert_eq!(target(RUNG, &[member(1_500_000), weak]), Some(1_500_000));
        assert_eq!(target(RUNG, &[trial(1_500_000), weak]), Some(1_300_000));
    }

    #[test]
    fn who_could_have_more_waits_before_a_weaker_one_has_to_leave() {
        let strong = Member {
            received: 1_000_000,
            ..member(1_800_000)
        };
        let weak = member(1_000_000);
        let late = Member {
            behind: true,
            ..weak
        };
        assert_eq!(target(RUNG, &[strong, strong, weak]), Some(1_000_000));
        assert_eq!(target(RUNG, &[strong, strong, late]), Some(1_800_000));
        // Three who lose as much as one gains stay.
        assert_eq!(target(RUNG, &[strong, late, late, late]), Some(1_000_000));
    }

    #[test]
    fn nobody_leaves_the_last_rung() {
        let last = Rung {
            ceiling: 600_000,
            below: None,
        };
        for (carried, sent) in [
            ([600_000, 500_000], 500_000),
            ([600_000, 10_000], 300_000),
            ([200_000, 180_000], 180_000),
            ([200_000, 10_000], 200_000),
        ] {
            assert_eq!(target(last, &carried.map(member)), Some(sent));
        }
    }
}
