-- SPDX-License-Identifier: MPL-2.0
-- The calendar asks for the earliest windows of a time, of a hundred thousand bookings.

CREATE INDEX windows_by_start ON windows (start_ms, end_ms);
