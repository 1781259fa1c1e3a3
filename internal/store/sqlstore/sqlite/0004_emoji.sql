-- +goose Up
-- The server's own emoji.
CREATE TABLE emoji (
    id         INTEGER PRIMARY KEY, -- from 0; the setting emoji.count says how many there ever were
    name       TEXT NOT NULL,
    name_key   TEXT NOT NULL UNIQUE, -- lower case
    hash       TEXT NOT NULL, -- of the picture: the blob's name
    mime_type  TEXT NOT NULL,
    width      INTEGER NOT NULL DEFAULT 0,
    height     INTEGER NOT NULL DEFAULT 0,
    animated   BOOLEAN NOT NULL DEFAULT FALSE,
    version    INTEGER NOT NULL DEFAULT 1, -- of the picture
    created_by TEXT NOT NULL DEFAULT '',
    created_at BIGINT NOT NULL
);
CREATE INDEX emoji_hash ON emoji (hash);
