-- SPDX-License-Identifier: MPL-2.0
-- Browsers that want to be told of calls (Web Push). Each is one user's.

CREATE TABLE push_subscriptions (
    -- The digest of the endpoint, which is a secret.
    id         TEXT COLLATE "C" PRIMARY KEY,
    user_name  TEXT COLLATE "C" NOT NULL REFERENCES users ON DELETE CASCADE,
    endpoint   TEXT NOT NULL,
    -- What is told is encrypted with these two.
    p256dh     TEXT NOT NULL,
    auth       TEXT NOT NULL,
    created_ms BIGINT NOT NULL
);
CREATE INDEX push_subscriptions_by_user ON push_subscriptions (user_name, created_ms, id);
