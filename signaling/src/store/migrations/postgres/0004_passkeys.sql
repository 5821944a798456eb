-- SPDX-License-Identifier: MPL-2.0
-- Devices by which people show who they are (WebAuthn).

CREATE TABLE passkeys (
    id            TEXT COLLATE "C" PRIMARY KEY,
    user_name     TEXT COLLATE "C" NOT NULL REFERENCES users ON DELETE CASCADE,
    -- What its owner calls it.
    name          TEXT NOT NULL,
    -- What the device calls it: no two people have the same one.
    credential_id TEXT NOT NULL UNIQUE,
    -- By what its signatures are checked. Nothing in it is secret.
    credential    TEXT NOT NULL,
    -- Of its last signature, where the device counts them.
    counter       BIGINT NOT NULL,
    created_ms    BIGINT NOT NULL,
    used_ms       BIGINT
);
CREATE INDEX passkeys_by_user ON passkeys (user_name);

-- Challenges that were answered, as digests, until no answer to them counts any more.
CREATE TABLE answered_challenges (
    challenge TEXT PRIMARY KEY,
    until_ms  BIGINT NOT NULL
);
CREATE INDEX answered_challenges_by_end ON answered_challenges (until_ms);

-- Recovery codes are for whoever has an app for codes, or passkeys, or both.
ALTER TABLE recovery_codes DROP CONSTRAINT recovery_codes_user_name_fkey;
ALTER TABLE recovery_codes ADD FOREIGN KEY (user_name) REFERENCES users ON DELETE CASCADE;
