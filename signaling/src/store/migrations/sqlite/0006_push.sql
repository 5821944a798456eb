-- SPDX-License-Identifier: MPL-2.0
-- Browsers that want to be told of calls (Web Push). Each is one user's.

CREATE TABLE push_subscriptions (
    -- The digest of the endpoint, which is a secret.
    id         TEXT PRIMARY KEY,
    user_name  TEXT NOT NULL REFERENCES users ON DELETE CASCADE,
    endpoint   TEXT NOT NULL,
    -- What is told is encrypted with these two.
    p256dh     TEXT NOT NULL,
    auth       TEXT NOT NULL,
    created_ms INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX push_subscriptions_by_user ON push_subscriptions (user_name, created_ms, id);
