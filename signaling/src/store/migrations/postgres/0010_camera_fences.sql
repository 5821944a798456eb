-- SPDX-License-Identifier: MPL-2.0
-- A number for each connection of a camera to any of several servers, which grows: who has the highest owns the camera. It outlives
-- the camera, so that one that is enrolled again by the same id begins no lower. Also of cameras of a configuration.

CREATE TABLE camera_fences (
    camera TEXT COLLATE "C" PRIMARY KEY,
    fence BIGINT NOT NULL
);
