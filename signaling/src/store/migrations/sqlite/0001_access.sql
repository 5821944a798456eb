-- SPDX-License-Identifier: MPL-2.0
-- Points in time are milliseconds since 1970 (UTC); secrets are SHA-256 digests in hexadecimal digits.
-- The same tables as in ../postgres; there, an exclusion constraint stands beside what the program checks.

CREATE TABLE users (
    name       TEXT PRIMARY KEY,
    role       TEXT NOT NULL,
    password   TEXT,
    token      TEXT UNIQUE,
    created_ms INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE cameras (
    id           TEXT PRIMARY KEY,
    name         TEXT NOT NULL,
    secret       TEXT NOT NULL UNIQUE,
    created_ms   INTEGER NOT NULL,
    last_seen_ms INTEGER
) STRICT, WITHOUT ROWID;

CREATE TABLE bookings (
    id         TEXT PRIMARY KEY,
    camera     TEXT NOT NULL REFERENCES cameras ON DELETE CASCADE,
    user_name  TEXT NOT NULL REFERENCES users ON DELETE CASCADE,
    start_ms   INTEGER NOT NULL,
    end_ms     INTEGER NOT NULL,
    -- The end of its last window.
    over_ms    INTEGER NOT NULL,
    perms      TEXT NOT NULL,
    rule       TEXT,
    zone       TEXT,
    note       TEXT NOT NULL,
    created_ms INTEGER NOT NULL,
    CHECK (start_ms < end_ms),
    CHECK ((rule IS NULL) = (zone IS NULL))
) STRICT, WITHOUT ROWID;
CREATE INDEX bookings_by_camera ON bookings (camera, over_ms);
CREATE INDEX bookings_by_user ON bookings (user_name, over_ms);
CREATE INDEX bookings_by_end ON bookings (over_ms);

-- A row for each time that a booking recurs, and for the one of a booking that does not.
CREATE TABLE windows (
    booking  TEXT NOT NULL REFERENCES bookings ON DELETE CASCADE,
    start_ms INTEGER NOT NULL,
    end_ms   INTEGER NOT NULL,
    camera   TEXT NOT NULL,
    -- 1 where the booking lets its user control the camera.
    control  INTEGER NOT NULL,
    PRIMARY KEY (booking, start_ms),
    CHECK (start_ms < end_ms)
) STRICT, WITHOUT ROWID;
CREATE INDEX windows_with_control ON windows (camera, start_ms) WHERE control = 1;

CREATE TABLE shares (
    id         TEXT PRIMARY KEY,
    camera     TEXT NOT NULL REFERENCES cameras ON DELETE CASCADE,
    secret     TEXT NOT NULL UNIQUE,
    start_ms   INTEGER NOT NULL,
    end_ms     INTEGER NOT NULL,
    perms      TEXT NOT NULL,
    max_uses   INTEGER NOT NULL,
    uses       INTEGER NOT NULL,
    note       TEXT NOT NULL,
    created_ms INTEGER NOT NULL,
    CHECK (start_ms < end_ms)
) STRICT, WITHOUT ROWID;
CREATE INDEX shares_by_camera ON shares (camera);
CREATE INDEX shares_by_end ON shares (end_ms);

-- Someone's page: a user's, or that of whoever opened a share link.
CREATE TABLE logins (
    cookie     TEXT PRIMARY KEY,
    user_name  TEXT REFERENCES users ON DELETE CASCADE,
    share      TEXT REFERENCES shares ON DELETE CASCADE,
    created_ms INTEGER NOT NULL,
    until_ms   INTEGER NOT NULL,
    CHECK ((user_name IS NULL) <> (share IS NULL))
) STRICT, WITHOUT ROWID;
CREATE INDEX logins_by_user ON logins (user_name);
CREATE INDEX logins_by_share ON logins (share);
CREATE INDEX logins_by_end ON logins (until_ms);

-- Names stay after what they named is gone: nothing here refers to other tables.
CREATE TABLE audit (
    id        INTEGER PRIMARY KEY AUTOINCREMENT,
    at_ms     INTEGER NOT NULL,
    actor     TEXT NOT NULL,
    action    TEXT NOT NULL,
    camera    TEXT,
    user_name TEXT,
    subject   TEXT,
    details   TEXT NOT NULL
) STRICT;
CREATE INDEX audit_by_time ON audit (at_ms);
CREATE INDEX audit_by_camera ON audit (camera, id);
CREATE INDEX audit_by_user ON audit (user_name, id);
CREATE INDEX audit_by_actor ON audit (actor, id);
