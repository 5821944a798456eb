-- SPDX-License-Identifier: MPL-2.0
-- Points in time are milliseconds since 1970 (UTC); secrets are SHA-256 digests in hexadecimal digits.
-- The same tables as in ../sqlite, and an exclusion constraint beside what the program checks. Text sorts by its bytes,
-- as there.

CREATE TABLE users (
    name       TEXT COLLATE "C" PRIMARY KEY,
    role       TEXT NOT NULL,
    password   TEXT,
    token      TEXT UNIQUE,
    created_ms BIGINT NOT NULL
);

CREATE TABLE cameras (
    id           TEXT COLLATE "C" PRIMARY KEY,
    name         TEXT COLLATE "C" NOT NULL,
    secret       TEXT NOT NULL UNIQUE,
    created_ms   BIGINT NOT NULL,
    last_seen_ms BIGINT
);

CREATE TABLE bookings (
    id         TEXT COLLATE "C" PRIMARY KEY,
    camera     TEXT COLLATE "C" NOT NULL REFERENCES cameras ON DELETE CASCADE,
    user_name  TEXT COLLATE "C" NOT NULL REFERENCES users ON DELETE CASCADE,
    start_ms   BIGINT NOT NULL,
    end_ms     BIGINT NOT NULL,
    -- The end of its last window.
    over_ms    BIGINT NOT NULL,
    perms      TEXT NOT NULL,
    rule       TEXT,
    zone       TEXT,
    note       TEXT NOT NULL,
    created_ms BIGINT NOT NULL,
    CHECK (start_ms < end_ms),
    CHECK ((rule IS NULL) = (zone IS NULL))
);
CREATE INDEX bookings_by_camera ON bookings (camera, over_ms);
CREATE INDEX bookings_by_user ON bookings (user_name, over_ms);
CREATE INDEX bookings_by_end ON bookings (over_ms);

-- A row for each time that a booking recurs, and for the one of a booking that does not.
CREATE TABLE windows (
    booking  TEXT COLLATE "C" NOT NULL REFERENCES bookings ON DELETE CASCADE,
    start_ms BIGINT NOT NULL,
    end_ms   BIGINT NOT NULL,
    camera   TEXT COLLATE "C" NOT NULL,
    -- 1 where the booking lets its user control the camera.
    control  BIGINT NOT NULL,
    PRIMARY KEY (booking, start_ms),
    CHECK (start_ms < end_ms)
);
CREATE INDEX windows_with_control ON windows (camera, start_ms) WHERE control = 1;
-- For `camera WITH =` in the constraint. Any owner of a database may have this extension.
CREATE EXTENSION IF NOT EXISTS btree_gist;
ALTER TABLE windows ADD CONSTRAINT windows_one_control
    EXCLUDE USING gist (camera WITH =, int8range(start_ms, end_ms) WITH &&) WHERE (control = 1);

CREATE TABLE shares (
    id         TEXT COLLATE "C" PRIMARY KEY,
    camera     TEXT COLLATE "C" NOT NULL REFERENCES cameras ON DELETE CASCADE,
    secret     TEXT NOT NULL UNIQUE,
    start_ms   BIGINT NOT NULL,
    end_ms     BIGINT NOT NULL,
    perms      TEXT NOT NULL,
    max_uses   BIGINT NOT NULL,
    uses       BIGINT NOT NULL,
    note       TEXT NOT NULL,
    created_ms BIGINT NOT NULL,
    CHECK (start_ms < end_ms)
);
CREATE INDEX shares_by_camera ON shares (camera);
CREATE INDEX shares_by_end ON shares (end_ms);

-- Someone's page: a user's, or that of whoever opened a share link.
CREATE TABLE logins (
    cookie     TEXT COLLATE "C" PRIMARY KEY,
    user_name  TEXT COLLATE "C" REFERENCES users ON DELETE CASCADE,
    share      TEXT COLLATE "C" REFERENCES shares ON DELETE CASCADE,
    created_ms BIGINT NOT NULL,
    until_ms   BIGINT NOT NULL,
    CHECK ((user_name IS NULL) <> (share IS NULL))
);
CREATE INDEX logins_by_user ON logins (user_name);
CREATE INDEX logins_by_share ON logins (share);
CREATE INDEX logins_by_end ON logins (until_ms);

-- Names stay after what they named is gone: nothing here refers to other tables.
CREATE TABLE audit (
    id        BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    at_ms     BIGINT NOT NULL,
    actor     TEXT COLLATE "C" NOT NULL,
    action    TEXT NOT NULL,
    camera    TEXT COLLATE "C",
    user_name TEXT COLLATE "C",
    subject   TEXT,
    details   TEXT NOT NULL
);
CREATE INDEX audit_by_time ON audit (at_ms);
CREATE INDEX audit_by_camera ON audit (camera, id);
CREATE INDEX audit_by_user ON audit (user_name, id);
CREATE INDEX audit_by_actor ON audit (actor, id);
