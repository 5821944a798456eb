-- SPDX-License-Identifier: MPL-2.0
-- What viewers may book themselves, which bookings they have made, and by what secret their calendars read them.

-- Names and ids as JSON arrays; nothing where all are meant. They may name what is gone, which permits nothing.
CREATE TABLE self_booking (
    id         TEXT COLLATE "C" PRIMARY KEY,
    users      TEXT,
    cameras    TEXT,
    perms      TEXT NOT NULL,
    saving     BIGINT NOT NULL CHECK (saving IN (0, 1)),
    ahead_ms   BIGINT NOT NULL CHECK (ahead_ms > 0),
    week_ms    BIGINT NOT NULL CHECK (week_ms > 0),
    longest_ms BIGINT NOT NULL CHECK (longest_ms > 0),
    zone       TEXT NOT NULL,
    created_ms BIGINT NOT NULL
);

-- 1 where its user made it.
ALTER TABLE bookings ADD COLUMN own BIGINT NOT NULL DEFAULT 0 CHECK (own IN (0, 1));

CREATE TABLE feeds (
    user_name  TEXT COLLATE "C" PRIMARY KEY REFERENCES users ON DELETE CASCADE,
    token      TEXT COLLATE "C" NOT NULL UNIQUE,
    created_ms BIGINT NOT NULL
);
