// SPDX-License-Identifier: MPL-2.0
//! What of calls is not in the database yet. Pure.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use jiff::Timestamp;

use crate::model::CallRecord;

/// Calls that wait for the database. Each is there once, however often it has changed.
const MAX_RECORDS: usize = 4096;
/// Pictures that do: 6 MB.
const MAX_SNAPSHOTS: usize = 64;
/// Doors that were opened in calls that are only in the database any more.
const MAX_DOORS: usize = 256;

/// The call, its camera, and when its door was opened.
pub(super) type OpenedDoor = (String, String, Timestamp);

#[derive(Default)]
pub(super) struct Unwritten {
    records: BTreeMap<String, CallRecord>,
    snapshots: VecDeque<(String, Arc<[u8]>)>,
    doors: VecDeque<OpenedDoor>,
}

impl Unwritten {
    /// Whether there was room.
    pub(super) fn put(&mut self, record: CallRecord) -> bool {
        let has_room = self.records.len() < MAX_RECORDS || self.records.contains_key(&record.id);
        if has_room {
            self.records.insert(record.id.clone(), record);
        }
        has_room
    }

    /// Whether there was room.
    pub(super) fn put_snapshot(&mut self, call: String, jpeg: Arc<[u8]>) -> bool {
        let has_room = self.snapshots.len() < MAX_SNAPSHOTS;
        if has_room {
            self.snapshots.push_back((call, jpeg));
        }
        has_room
    }

    /// Whether there was room.
    pub(super) fn put_door(&mut self, door: OpenedDoor) -> bool {
        let has_room = self.doors.len() < MAX_DOORS;
        if has_room {
            self.doors.push_back(door);
        }
        has_room
    }

    pub(super) fn take_door(&mut self) -> Option<OpenedDoor> {
        self.doors.pop_front()
    }

    pub(super) fn take_records(&mut self) -> Vec<CallRecord> {
        std::mem::take(&mut self.records).into_values().collect()
    }

    /// Those that could not be written. What has changed since is newer.
    pub(super) fn put_back(&mut self, records: Vec<CallRecord>) {
        for record in records {
            self.records.entry(record.id.clone()).or_insert(record);
        }
    }

    /// How many pictures wait.
    pub(super) fn snapshots(&self) -> usize {
        self.snapshots.len()
    }

    pub(super) fn take_snapshot(&mut self) -> Option<(String, Arc<[u8]>)> {
        self.snapshots.pop_front()
    }
}
