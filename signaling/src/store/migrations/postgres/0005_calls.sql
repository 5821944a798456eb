-- SPDX-License-Identifier: MPL-2.0
-- Calls of doorbells: who rang when, who answered, and how it ended. Names stay after what they named is gone.

CREATE TABLE calls (
    id          TEXT COLLATE "C" PRIMARY KEY,
    -- The press that made it, as its camera calls it.
    ring        TEXT COLLATE "C" NOT NULL,
    camera      TEXT COLLATE "C" NOT NULL,
    name        TEXT NOT NULL,
    rang_ms     BIGINT NOT NULL,
    rang_by     TEXT COLLATE "C",
    answered_ms BIGINT,
    answered_by TEXT COLLATE "C",
    talking_ms  BIGINT,
    ended_ms    BIGINT,
    reason      TEXT
);
CREATE INDEX calls_by_time ON calls (rang_ms, id);
CREATE INDEX calls_by_camera ON calls (camera, rang_ms, id);
CREATE INDEX calls_that_run ON calls (rang_ms) WHERE ended_ms IS NULL;

-- Whom it rang, and the link that was good for that one.
CREATE TABLE call_recipients (
    call      TEXT COLLATE "C" NOT NULL REFERENCES calls ON DELETE CASCADE,
    user_name TEXT COLLATE "C" NOT NULL,
    link      TEXT NOT NULL,
    PRIMARY KEY (call, user_name)
);
CREATE INDEX call_recipients_by_user ON call_recipients (user_name, call);

-- What the camera saw at the press, as JPEG.
CREATE TABLE call_snapshots (
    call     TEXT COLLATE "C" PRIMARY KEY REFERENCES calls ON DELETE CASCADE,
    taken_ms BIGINT NOT NULL,
    jpeg     BYTEA NOT NULL
);
CREATE INDEX call_snapshots_by_time ON call_snapshots (taken_ms);
