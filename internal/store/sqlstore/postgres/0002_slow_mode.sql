-- +goose Up
ALTER TABLE rooms ADD COLUMN slow_mode BIGINT NOT NULL DEFAULT 0; -- milliseconds between two messages of one person; 0 = none

-- When people last wrote in rooms with slow mode.
CREATE TABLE slow_sends (
    room_id BIGINT NOT NULL REFERENCES rooms (id) ON DELETE CASCADE,
    user_id TEXT COLLATE "C" NOT NULL,
    at      BIGINT NOT NULL,
    PRIMARY KEY (room_id, user_id)
);
CREATE INDEX slow_sends_at ON slow_sends (at);
