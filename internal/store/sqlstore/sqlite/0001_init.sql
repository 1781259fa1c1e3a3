-- +goose Up
-- Times are milliseconds since 1970 UTC, of messages microseconds; 0 means never. Flags are booleans. Ids of users are UUIDs as text.

CREATE TABLE users (
    number         INTEGER PRIMARY KEY AUTOINCREMENT,
    id             TEXT NOT NULL UNIQUE,
    username       TEXT NOT NULL,
    username_key   TEXT NOT NULL UNIQUE, -- lower case
    display_name   TEXT NOT NULL,
    name_key       TEXT NOT NULL, -- folded username and display name, for search
    kind           TEXT NOT NULL DEFAULT 'person',
    avatar_url     TEXT NOT NULL DEFAULT '',
    bio            TEXT NOT NULL DEFAULT '',
    email          TEXT NOT NULL DEFAULT '',
    status         TEXT NOT NULL DEFAULT 'online',
    status_message TEXT NOT NULL DEFAULT '',
    settings       TEXT NOT NULL DEFAULT '',
    created_at     BIGINT NOT NULL,
    last_seen_at   BIGINT NOT NULL DEFAULT 0,
    disabled_at    BIGINT NOT NULL DEFAULT 0
);
CREATE INDEX users_name ON users (name_key);
CREATE INDEX users_avatar ON users (substr(avatar_url, length(avatar_url) - 63)) WHERE avatar_url <> ''; -- by the blob it ends in

CREATE TABLE user_words ( -- each word of name_key, so that a prefix finds "Ada Lovelace" by "love"
    word    TEXT NOT NULL,
    user_id TEXT NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    PRIMARY KEY (word, user_id)
) WITHOUT ROWID;
CREATE INDEX user_words_user ON user_words (user_id);

CREATE TABLE identities (
    provider TEXT NOT NULL,
    subject  TEXT NOT NULL,
    user_id  TEXT NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    secret   TEXT NOT NULL DEFAULT '',
    PRIMARY KEY (provider, subject)
);
CREATE INDEX identities_user ON identities (user_id);

CREATE TABLE sessions (
    id           TEXT PRIMARY KEY,
    user_id      TEXT NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    device       TEXT NOT NULL DEFAULT '',
    address      TEXT NOT NULL DEFAULT '',
    created_at   BIGINT NOT NULL,
    last_used_at BIGINT NOT NULL,
    expires_at   BIGINT NOT NULL,
    revoked_at   BIGINT NOT NULL DEFAULT 0
);
CREATE INDEX sessions_user ON sessions (user_id, last_used_at);
CREATE INDEX sessions_expiry ON sessions (expires_at);

CREATE TABLE roles (
    id                TEXT PRIMARY KEY,
    name              TEXT NOT NULL,
    name_key          TEXT NOT NULL UNIQUE, -- lower case
    description       TEXT NOT NULL DEFAULT '',
    color             TEXT NOT NULL DEFAULT '',
    hoisted           BOOLEAN NOT NULL DEFAULT FALSE,
    self_assignable   BOOLEAN NOT NULL DEFAULT FALSE,
    category          TEXT NOT NULL DEFAULT '',
    position          INTEGER NOT NULL,
    permissions       TEXT NOT NULL DEFAULT '', -- one a line
    system            BOOLEAN NOT NULL DEFAULT FALSE,
    messages_per_10s  INTEGER NOT NULL DEFAULT 0
);

CREATE TABLE user_roles (
    user_id  TEXT NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    role_id  TEXT NOT NULL REFERENCES roles (id) ON DELETE CASCADE,
    position INTEGER NOT NULL, -- the person's own order
    PRIMARY KEY (user_id, role_id)
);
CREATE INDEX user_roles_role ON user_roles (role_id);

CREATE TABLE rooms (
    id          INTEGER PRIMARY KEY AUTOINCREMENT,
    slug        TEXT NOT NULL DEFAULT '',
    slug_key    TEXT UNIQUE, -- lower case; NULL without slug
    name        TEXT NOT NULL,
    name_key    TEXT NOT NULL, -- folded name and description, for the directory
    description TEXT NOT NULL DEFAULT '',
    topic       TEXT NOT NULL DEFAULT '',
    type        TEXT NOT NULL,
    form        TEXT NOT NULL DEFAULT 'text',
    encrypted   BOOLEAN NOT NULL DEFAULT FALSE,
    official    BOOLEAN NOT NULL DEFAULT FALSE,
    avatar_url  TEXT NOT NULL DEFAULT '',
    position    INTEGER NOT NULL DEFAULT 0,
    owner_id    TEXT NOT NULL DEFAULT '',
    created_by  TEXT NOT NULL DEFAULT '',
    created_at  BIGINT NOT NULL,
    archived    BOOLEAN NOT NULL DEFAULT FALSE,
    version     BIGINT NOT NULL DEFAULT 1,
    extra       TEXT NOT NULL DEFAULT '',
    direct_a    TEXT NOT NULL DEFAULT '', -- the two people of a direct room, in id order
    direct_b    TEXT NOT NULL DEFAULT ''
);
CREATE UNIQUE INDEX rooms_direct ON rooms (direct_a, direct_b) WHERE type = 'direct';
CREATE INDEX rooms_type ON rooms (type, archived);
CREATE INDEX rooms_avatar ON rooms (substr(avatar_url, length(avatar_url) - 63)) WHERE avatar_url <> '';

-- What changes with every message, apart from the settings: a small row to rewrite. Its update orders the writers of a room.
CREATE TABLE room_heads (
    room_id         INTEGER PRIMARY KEY REFERENCES rooms (id) ON DELETE CASCADE,
    last_seq        BIGINT NOT NULL DEFAULT 0,
    message_count   BIGINT NOT NULL DEFAULT 0,
    last_message_at BIGINT NOT NULL DEFAULT 0, -- microseconds
    member_count    INTEGER NOT NULL DEFAULT 0
);

CREATE TABLE members (
    room_id            INTEGER NOT NULL REFERENCES rooms (id) ON DELETE CASCADE,
    user_id            TEXT NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    role               TEXT NOT NULL,
    role_level         INTEGER NOT NULL, -- 3 owner, 2 admin, 1 member
    joined_at          BIGINT NOT NULL,
    notify             TEXT NOT NULL DEFAULT 'all',
    favourite          BOOLEAN NOT NULL DEFAULT FALSE,
    hidden             BOOLEAN NOT NULL DEFAULT FALSE,
    last_read_seq      BIGINT NOT NULL DEFAULT 0,
    last_read_ordinal  BIGINT NOT NULL DEFAULT 0,
    last_read_at       BIGINT NOT NULL DEFAULT 0,
    last_delivered_seq BIGINT NOT NULL DEFAULT 0,
    PRIMARY KEY (room_id, user_id)
) WITHOUT ROWID;
CREATE INDEX members_user ON members (user_id, room_id);
CREATE INDEX members_order ON members (room_id, role_level DESC, joined_at, user_id);

-- Each move of a read marker, apart from those by one's own messages: when a message was first read.
CREATE TABLE read_marks (
    room_id INTEGER NOT NULL REFERENCES rooms (id) ON DELETE CASCADE,
    user_id TEXT NOT NULL,
    seq     BIGINT NOT NULL,
    at      BIGINT NOT NULL,
    PRIMARY KEY (room_id, user_id, seq)
) WITHOUT ROWID;
CREATE INDEX read_marks_at ON read_marks (at);

CREATE TABLE role_lists (
    room_id  INTEGER NOT NULL REFERENCES rooms (id) ON DELETE CASCADE,
    "right"  TEXT NOT NULL,
    position INTEGER NOT NULL,
    role_id  TEXT NOT NULL REFERENCES roles (id) ON DELETE CASCADE,
    deny     BOOLEAN NOT NULL DEFAULT FALSE,
    PRIMARY KEY (room_id, "right", position)
) WITHOUT ROWID;

CREATE TABLE grants (
    room_id INTEGER NOT NULL REFERENCES rooms (id) ON DELETE CASCADE,
    user_id TEXT NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    "right" TEXT NOT NULL,
    allow   BOOLEAN NOT NULL,
    until   BIGINT NOT NULL DEFAULT 0,
    PRIMARY KEY (room_id, user_id, "right")
) WITHOUT ROWID;

CREATE TABLE message_ids (last BIGINT NOT NULL); -- one row: the newest id given to a message
INSERT INTO message_ids (last) VALUES (0);

CREATE TABLE messages (
    id            INTEGER PRIMARY KEY, -- from message_ids
    room_id       INTEGER NOT NULL REFERENCES rooms (id) ON DELETE CASCADE,
    seq           BIGINT NOT NULL,
    change_seq    BIGINT NOT NULL,
    ordinal       BIGINT NOT NULL, -- 1 for the room's first message
    type          TEXT NOT NULL,
    sender_id     TEXT NOT NULL DEFAULT '',
    content       TEXT NOT NULL,
    parent_id     INTEGER NOT NULL DEFAULT 0,
    thread_id     INTEGER NOT NULL DEFAULT 0,
    reply_count   INTEGER NOT NULL DEFAULT 0,
    last_reply_at BIGINT NOT NULL DEFAULT 0, -- microseconds
    created_at    BIGINT NOT NULL, -- microseconds, increasing per room at millisecond resolution
    edited_at     BIGINT NOT NULL DEFAULT 0, -- microseconds
    deleted       BOOLEAN NOT NULL DEFAULT FALSE,
    deleted_by    TEXT NOT NULL DEFAULT '',
    pinned_at     BIGINT NOT NULL DEFAULT 0, -- microseconds; 0 = not pinned
    pinned_by     TEXT NOT NULL DEFAULT '',
    everyone      BOOLEAN NOT NULL DEFAULT FALSE,
    reactions     INTEGER NOT NULL DEFAULT 0, -- how many rows in reactions, so that most reads need not look
    attachments   INTEGER NOT NULL DEFAULT 0, -- how many
    mentions      TEXT NOT NULL DEFAULT '', -- user ids, separated by spaces
    links         TEXT NOT NULL DEFAULT '', -- JSON; empty for none
    payload_kind  TEXT NOT NULL DEFAULT '',
    payload       BLOB,
    search        TEXT -- what the index holds of it: NULL nothing, '' the folded content, else this folded text
);
CREATE UNIQUE INDEX messages_seq ON messages (room_id, seq);
CREATE INDEX messages_change ON messages (room_id, change_seq) WHERE change_seq > seq; -- the unchanged ones are found by seq
CREATE INDEX messages_thread ON messages (thread_id, seq) WHERE thread_id > 0;
CREATE INDEX messages_pinned ON messages (room_id, pinned_at) WHERE pinned_at > 0;

-- What a sender called a message, by the day (since 1970) it was sent on, so that old ones go without an index of their age.
CREATE TABLE nonces (
    day        INTEGER NOT NULL,
    "key"      BLOB NOT NULL, -- hash of room, sender and nonce
    message_id INTEGER NOT NULL,
    created_at BIGINT NOT NULL,
    PRIMARY KEY (day, "key")
) WITHOUT ROWID;

CREATE TABLE mentions (
    user_id    TEXT NOT NULL,
    room_id    INTEGER NOT NULL REFERENCES rooms (id) ON DELETE CASCADE,
    seq        BIGINT NOT NULL,
    message_id INTEGER NOT NULL,
    PRIMARY KEY (user_id, room_id, seq)
) WITHOUT ROWID;
CREATE INDEX mentions_message ON mentions (message_id);

CREATE TABLE reactions (
    message_id INTEGER NOT NULL REFERENCES messages (id) ON DELETE CASCADE,
    emoji      TEXT NOT NULL,
    user_id    TEXT NOT NULL,
    position   BIGINT NOT NULL, -- order of giving within the message
    created_at BIGINT NOT NULL,
    PRIMARY KEY (message_id, emoji, user_id)
) WITHOUT ROWID;

CREATE TABLE attachments (
    id          INTEGER PRIMARY KEY AUTOINCREMENT,
    "key"       TEXT NOT NULL UNIQUE,
    uploader_id TEXT NOT NULL,
    room_id     INTEGER NOT NULL DEFAULT 0,
    message_id  INTEGER NOT NULL DEFAULT 0,
    position    INTEGER NOT NULL DEFAULT 0, -- place in its message
    filename    TEXT NOT NULL,
    size        BIGINT NOT NULL,
    mime_type   TEXT NOT NULL,
    width       INTEGER NOT NULL DEFAULT 0,
    height      INTEGER NOT NULL DEFAULT 0,
    hash        TEXT NOT NULL,
    thumb_hash  TEXT NOT NULL DEFAULT '',
    thumb_mime  TEXT NOT NULL DEFAULT '',
    scan        TEXT NOT NULL,
    created_at  BIGINT NOT NULL,
    expires_at  BIGINT NOT NULL DEFAULT 0
);
CREATE INDEX attachments_message ON attachments (message_id, position);
CREATE INDEX attachments_unused ON attachments (message_id, created_at) WHERE message_id = 0;
CREATE INDEX attachments_hash ON attachments (hash);
CREATE INDEX attachments_thumb ON attachments (thumb_hash) WHERE thumb_hash <> '';
CREATE INDEX attachments_uploader ON attachments (uploader_id, id);

CREATE TABLE invites (
    code       TEXT PRIMARY KEY,
    room_id    INTEGER NOT NULL DEFAULT 0,
    user_id    TEXT NOT NULL DEFAULT '',
    created_by TEXT NOT NULL DEFAULT '',
    created_at BIGINT NOT NULL,
    expires_at BIGINT NOT NULL DEFAULT 0,
    max_uses   INTEGER NOT NULL DEFAULT 0,
    uses       INTEGER NOT NULL DEFAULT 0,
    revoked_at BIGINT NOT NULL DEFAULT 0
);
CREATE INDEX invites_room ON invites (room_id, created_at);
CREATE INDEX invites_user ON invites (user_id, room_id) WHERE user_id <> '';

CREATE TABLE sanctions (
    id          INTEGER PRIMARY KEY AUTOINCREMENT,
    kind        TEXT NOT NULL,
    room_id     INTEGER NOT NULL DEFAULT 0, -- 0 = the whole server
    user_id     TEXT NOT NULL,
    reason      TEXT NOT NULL DEFAULT '',
    issued_by   TEXT NOT NULL DEFAULT '',
    created_at  BIGINT NOT NULL,
    until       BIGINT NOT NULL DEFAULT 0,
    lifted_at   BIGINT NOT NULL DEFAULT 0,
    lifted_by   TEXT NOT NULL DEFAULT '',
    lift_reason TEXT NOT NULL DEFAULT ''
);
CREATE INDEX sanctions_user ON sanctions (user_id, room_id);
CREATE INDEX sanctions_room ON sanctions (room_id, id);

CREATE TABLE blocks (
    user_id    TEXT NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    blocked_id TEXT NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    created_at BIGINT NOT NULL,
    PRIMARY KEY (user_id, blocked_id)
) WITHOUT ROWID;
CREATE INDEX blocks_blocked ON blocks (blocked_id);

CREATE TABLE reports (
    id          INTEGER PRIMARY KEY AUTOINCREMENT,
    message_id  INTEGER NOT NULL,
    room_id     INTEGER NOT NULL,
    reporter_id TEXT NOT NULL,
    author_id   TEXT NOT NULL DEFAULT '',
    reason      TEXT NOT NULL,
    content     TEXT NOT NULL,
    created_at  BIGINT NOT NULL,
    state       TEXT NOT NULL DEFAULT 'open',
    handled_by  TEXT NOT NULL DEFAULT '',
    handled_at  BIGINT NOT NULL DEFAULT 0,
    note        TEXT NOT NULL DEFAULT ''
);
CREATE INDEX reports_state ON reports (state, id);
CREATE UNIQUE INDEX reports_open ON reports (message_id, reporter_id) WHERE state = 'open';

CREATE TABLE audit (
    id          INTEGER PRIMARY KEY AUTOINCREMENT,
    at          BIGINT NOT NULL,
    actor_id    TEXT NOT NULL DEFAULT '',
    action      TEXT NOT NULL,
    target_type TEXT NOT NULL DEFAULT '',
    target_id   TEXT NOT NULL DEFAULT '',
    room_id     INTEGER NOT NULL DEFAULT 0,
    details     TEXT NOT NULL DEFAULT ''
);
CREATE INDEX audit_actor ON audit (actor_id, id);
CREATE INDEX audit_target ON audit (target_id, id);
CREATE INDEX audit_room ON audit (room_id, id);

CREATE TABLE notifications (
    id          INTEGER PRIMARY KEY AUTOINCREMENT,
    user_id     TEXT NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    type        TEXT NOT NULL,
    title       TEXT NOT NULL DEFAULT '',
    content     TEXT NOT NULL DEFAULT '',
    room_id     INTEGER NOT NULL DEFAULT 0,
    message_id  INTEGER NOT NULL DEFAULT 0,
    actor_id    TEXT NOT NULL DEFAULT '',
    invite_code TEXT NOT NULL DEFAULT '',
    severity    TEXT NOT NULL DEFAULT 'info',
    created_at  BIGINT NOT NULL,
    read_at     BIGINT NOT NULL DEFAULT 0,
    expires_at  BIGINT NOT NULL
);
CREATE INDEX notifications_user ON notifications (user_id, id);
CREATE INDEX notifications_unread ON notifications (user_id, room_id) WHERE read_at = 0;
CREATE INDEX notifications_message ON notifications (message_id) WHERE message_id > 0;
CREATE INDEX notifications_expiry ON notifications (expires_at);

CREATE TABLE push_subscriptions (
    endpoint   TEXT PRIMARY KEY,
    user_id    TEXT NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    session_id TEXT NOT NULL DEFAULT '',
    p256dh     TEXT NOT NULL,
    auth       TEXT NOT NULL,
    created_at BIGINT NOT NULL
);
CREATE INDEX push_subscriptions_user ON push_subscriptions (user_id);

CREATE TABLE settings (
    "key" TEXT PRIMARY KEY,
    value TEXT NOT NULL
);

-- Counts of a day (since 1970), for the operator's charts.
CREATE TABLE days (
    day      INTEGER PRIMARY KEY,
    messages BIGINT NOT NULL
);
CREATE TABLE day_senders (
    day     INTEGER NOT NULL,
    user_id TEXT NOT NULL,
    PRIMARY KEY (day, user_id)
) WITHOUT ROWID;

-- The search index follows the messages in transactions of its own. It holds every message up to last_id whose column search
-- is not NULL, folded by the rules named in version. meta has a word for the room, the sender, and what a message carries.
CREATE TABLE search_state (
    last_id BIGINT NOT NULL,
    version TEXT NOT NULL,
    purge   INTEGER NOT NULL DEFAULT 0 -- the index holds words of deleted messages: 1 = to be merged away, 2 = being merged
);
INSERT INTO search_state (last_id, version) VALUES (0, '');
CREATE VIRTUAL TABLE search USING fts5 (text, meta, content = '', columnsize = 0, tokenize = 'ascii');
INSERT INTO search (search, rank) VALUES ('secure-delete', 1);

INSERT INTO roles (id, name, name_key, description, color, hoisted, position, permissions, system) VALUES
    ('owner', 'owner', 'owner', 'Runs the server.', '#9400D3', TRUE, 0, 'administrator', TRUE),
    ('admin', 'admin', 'admin', 'Manages people, rooms and settings.', '#FF0000', TRUE, 1,
     'manage_server
view_audit_log
manage_roles
manage_rooms
manage_threads
manage_users
manage_messages
review_reports
announce
create_rooms
create_invites
mention_everyone', TRUE),
    ('moderator', 'moderator', 'moderator', 'Keeps conversations civil.', '#FFFF00', TRUE, 2,
     'view_audit_log
manage_threads
manage_messages
review_reports
create_rooms
create_invites', TRUE),
    ('user', 'user', 'user', 'Everyone with an account.', '', FALSE, 3, 'create_rooms', TRUE);
