-- SPDX-License-Identifier: MPL-2.0
-- What people show besides a password.

CREATE TABLE second_factors (
    user_name  TEXT PRIMARY KEY REFERENCES users ON DELETE CASCADE,
    -- Sealed with a key that is not in the database.
    secret     TEXT NOT NULL,
    -- Of the last code that was taken: each counts once.
    last_step  INTEGER NOT NULL,
    created_ms INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- What is left of them, as digests with that key.
CREATE TABLE recovery_codes (
    user_name TEXT NOT NULL REFERENCES second_factors ON DELETE CASCADE,
    code      TEXT NOT NULL,
    PRIMARY KEY (user_name, code)
) STRICT, WITHOUT ROWID;
