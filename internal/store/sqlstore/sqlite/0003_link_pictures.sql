-- +goose Up
-- The blobs of pictures in link previews, by the messages that show them.
CREATE TABLE link_pictures (
    message_id INTEGER NOT NULL REFERENCES messages (id) ON DELETE CASCADE,
    hash       TEXT NOT NULL,
    PRIMARY KEY (message_id, hash)
) WITHOUT ROWID;
CREATE INDEX link_pictures_hash ON link_pictures (hash);
