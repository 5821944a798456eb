-- SPDX-License-Identifier: MPL-2.0
-- Calls of doorbells: who rang when, who answered, and how it ended. Names stay after what they named is gone.

CREATE TABLE calls (
    id          TEXT PRIMARY KEY,
    -- The press that made it, as its camera calls it.
    ring        TEXT NOT NULL,
    camera      TEXT NOT NULL,
    name        TEXT NOT NULL,
    rang_ms     INTEGER NOT NULL,
    rang_by     TEXT,
    answered_ms INTEGER,
    answered_by TEXT,
    talking_ms  INTEGER,
    ended_ms    INTEGER,
    reason      TEXT
) STRICT, WITHOUT ROWID;
CREATE INDEX calls_by_time ON calls (rang_ms, id);
CREATE INDEX calls_by_camera ON calls (camera, rang_ms, id);
CREATE INDEX calls_that_run ON calls (rang_ms) WHERE ended_ms IS NULL;

-- Whom it rang, and the link that was good for that one.
CREATE TABLE call_recipients (
    call      TEXT NOT NULL REFERENCES calls ON DELETE CASCADE,
    user_name TEXT NOT NULL,
    link      TEXT NOT NULL,
    PRIMARY KEY (call, user_name)
) STRICT, WITHOUT ROWID;
CREATE INDEX call_recipients_by_user ON call_recipients (user_name, call);

-- What the camera saw at the press, as JPEG.
CREATE TABLE call_snapshots (
    call     TEXT PRIMARY KEY REFERENCES calls ON DELETE CASCADE,
    taken_ms INTEGER NOT NULL,
    jpeg     BLOB NOT NULL
) STRICT;
CREATE INDEX call_snapshots_by_time ON call_snapshots (taken_ms);
