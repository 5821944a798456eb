-- SPDX-License-Identifier: MPL-2.0
-- Whether the viewer's page offers to save pictures and clips: 1 where it does.

ALTER TABLE bookings ADD COLUMN saving BIGINT NOT NULL DEFAULT 1 CHECK (saving IN (0, 1));
ALTER TABLE shares ADD COLUMN saving BIGINT NOT NULL DEFAULT 1 CHECK (saving IN (0, 1));
