-- SPDX-License-Identifier: MPL-2.0
-- Devices by which people show who they are (WebAuthn).

CREATE TABLE passkeys (
    id            TEXT PRIMARY KEY,
    user_name     TEXT NOT NULL REFERENCES users ON DELETE CASCADE,
    -- What its owner calls it.
    name          TEXT NOT NULL,
    -- What the device calls it: no two people have the same one.
    credential_id TEXT NOT NULL UNIQUE,
    -- By what its signatures are checked. Nothing in it is secret.
    credential    TEXT NOT NULL,
    -- Of its last signature, where the device counts them.
    counter       INTEGER NOT NULL,
    created_ms    INTEGER NOT NULL,
    used_ms       INTEGER
) STRICT, WITHOUT ROWID;
CREATE INDEX passkeys_by_user ON passkeys (user_name);

-- Challenges that were answered, as digests, until no answer to them counts any more.
CREATE TABLE answered_challenges (
    challenge TEXT PRIMARY KEY,
    until_ms  INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX answered_challenges_by_end ON answered_challenges (until_ms);

-- Recovery codes are for whoever has an app for codes, or passkeys, or both.
CREATE TABLE codes (
    user_name TEXT NOT NULL REFERENCES users ON DELETE CASCADE,
    code      TEXT NOT NULL,
    PRIMARY KEY (user_name, code)
) STRICT, WITHOUT ROWID;
INSERT INTO codes SELECT user_name, code FROM recovery_codes;
DROP TABLE recovery_codes;
ALTER TABLE codes RENAME TO recovery_codes;
