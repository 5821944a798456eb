-- SPDX-License-Identifier: MPL-2.0
-- When the door was opened in a call.

ALTER TABLE calls ADD COLUMN door_ms INTEGER;
