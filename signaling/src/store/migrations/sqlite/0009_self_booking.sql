-- SPDX-License-Identifier: MPL-2.0
-- What viewers may book themselves, which bookings they have made, and by what secret their calendars read them.

-- Names and ids as JSON arrays; nothing where all are meant. They may name what is gone, which permits nothing.
CREATE TABLE self_booking (
    id         TEXT PRIMARY KEY,
    users      TEXT,
    cameras    TEXT,
    perms      TEXT NOT NULL,
    saving     INTEGER NOT NULL CHECK (saving IN (0, 1)),
    ahead_ms   INTEGER NOT NULL CHECK (ahead_ms > 0),
    week_ms    INTEGER NOT NULL CHECK (week_ms > 0),
    longest_ms INTEGER NOT NULL CHECK (longest_ms > 0),
    zone       TEXT NOT NULL,
    created_ms INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- 1 where its user made it.
ALTER TABLE bookings ADD COLUMN own INTEGER NOT NULL DEFAULT 0 CHECK (own IN (0, 1));

CREATE TABLE feeds (
    user_name  TEXT PRIMARY KEY REFERENCES users ON DELETE CASCADE,
    token      TEXT NOT NULL UNIQUE,
    created_ms INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
