-- +goose Up
-- The server's own emoji.
CREATE TABLE emoji (
    id         BIGINT PRIMARY KEY, -- from 0; the setting emoji.count says how many there ever were
    name       TEXT COLLATE "C" NOT NULL,
    name_key   TEXT COLLATE "C" NOT NULL UNIQUE, -- lower case
    hash       TEXT COLLATE "C" NOT NULL, -- of the picture: the blob's name
    mime_type  TEXT COLLATE "C" NOT NULL,
    width      BIGINT NOT NULL DEFAULT 0,
    height     BIGINT NOT NULL DEFAULT 0,
    animated   BOOLEAN NOT NULL DEFAULT FALSE,
    version    BIGINT NOT NULL DEFAULT 1, -- of the picture
    created_by TEXT COLLATE "C" NOT NULL DEFAULT '',
    created_at BIGINT NOT NULL
);
CREATE INDEX emoji_hash ON emoji (hash);
