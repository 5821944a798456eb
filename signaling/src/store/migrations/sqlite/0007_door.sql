-- SPDX-License-Identifier: MPL-2.0
-- When the door was opened in a call, and at which of several servers on one database it is.

ALTER TABLE calls ADD COLUMN door_ms INTEGER;
ALTER TABLE calls ADD COLUMN server TEXT;
