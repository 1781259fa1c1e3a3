BEGIN;
CREATE TABLE goose_db_version (
		id INTEGER PRIMARY KEY AUTOINCREMENT,
		version_id INTEGER NOT NULL,
		is_applied INTEGER NOT NULL,
		tstamp TIMESTAMP DEFAULT (datetime('now'))
	);
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
CREATE TABLE user_words ( -- each word of name_key, so that a prefix finds "Ada Lovelace" by "love"
    word    TEXT NOT NULL,
    user_id TEXT NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    PRIMARY KEY (word, user_id)
) WITHOUT ROWID;
CREATE TABLE identities (
    provider TEXT NOT NULL,
    subject  TEXT NOT NULL,
    user_id  TEXT NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    secret   TEXT NOT NULL DEFAULT '',
    PRIMARY KEY (provider, subject)
);
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
CREATE TABLE read_marks (
    room_id INTEGER NOT NULL REFERENCES rooms (id) ON DELETE CASCADE,
    user_id TEXT NOT NULL,
    seq     BIGINT NOT NULL,
    at      BIGINT NOT NULL,
    PRIMARY KEY (room_id, user_id, seq)
) WITHOUT ROWID;
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
CREATE TABLE message_ids (last BIGINT NOT NULL);
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
CREATE TABLE blocks (
    user_id    TEXT NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    blocked_id TEXT NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    created_at BIGINT NOT NULL,
    PRIMARY KEY (user_id, blocked_id)
) WITHOUT ROWID;
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
CREATE TABLE push_subscriptions (
    endpoint   TEXT PRIMARY KEY,
    user_id    TEXT NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    session_id TEXT NOT NULL DEFAULT '',
    p256dh     TEXT NOT NULL,
    auth       TEXT NOT NULL,
    created_at BIGINT NOT NULL
);
CREATE TABLE settings (
    "key" TEXT PRIMARY KEY,
    value TEXT NOT NULL
);
CREATE TABLE days (
    day      INTEGER PRIMARY KEY,
    messages BIGINT NOT NULL
);
CREATE TABLE day_senders (
    day     INTEGER NOT NULL,
    user_id TEXT NOT NULL,
    PRIMARY KEY (day, user_id)
) WITHOUT ROWID;
CREATE TABLE search_state (
    last_id BIGINT NOT NULL,
    version TEXT NOT NULL,
    purge   INTEGER NOT NULL DEFAULT 0 -- the index holds words of deleted messages: 1 = to be merged away, 2 = being merged
);
CREATE VIRTUAL TABLE search USING fts5 (text, meta, content = '', columnsize = 0, tokenize = 'ascii');
DELETE FROM "attachments";
INSERT INTO "attachments" ("id", "key", "uploader_id", "room_id", "message_id", "position", "filename", "size", "mime_type", "width", "height", "hash", "thumb_hash", "thumb_mime", "scan", "created_at", "expires_at") VALUES (1, 'frozen-key', '01950000-0000-7000-8000-00000000000a', 1, 1, 0, 'notes.pdf', 5, 'application/pdf', 0, 0, 'frozenhash', '', '', 'clean', 1772366400000, 0);
DELETE FROM "audit";
INSERT INTO "audit" ("id", "at", "actor_id", "action", "target_type", "target_id", "room_id", "details") VALUES (1, 1772366400000, '01950000-0000-7000-8000-00000000000a', 'user.ban', 'user', '01950000-0000-7000-8000-00000000000e', 0, '{"reason":"spam"}');
DELETE FROM "blocks";
INSERT INTO "blocks" ("user_id", "blocked_id", "created_at") VALUES ('01950000-0000-7000-8000-00000000000b', '01950000-0000-7000-8000-00000000000e', 1772366400000);
DELETE FROM "day_senders";
INSERT INTO "day_senders" ("day", "user_id") VALUES (20513, '01950000-0000-7000-8000-00000000000a');
INSERT INTO "day_senders" ("day", "user_id") VALUES (20513, '01950000-0000-7000-8000-00000000000b');
DELETE FROM "days";
INSERT INTO "days" ("day", "messages") VALUES (20513, 6);
DELETE FROM "goose_db_version";
INSERT INTO "goose_db_version" ("id", "version_id", "is_applied", "tstamp") VALUES (1, 0, 1, '2026-03-01 12:00:00');
INSERT INTO "goose_db_version" ("id", "version_id", "is_applied", "tstamp") VALUES (2, 1, 1, '2026-03-01 12:00:00');
DELETE FROM "grants";
INSERT INTO "grants" ("room_id", "user_id", "right", "allow", "until") VALUES (1, '01950000-0000-7000-8000-00000000000b', 'pin', 1, 0);
DELETE FROM "identities";
INSERT INTO "identities" ("provider", "subject", "user_id", "secret") VALUES ('password', 'ada', '01950000-0000-7000-8000-00000000000a', '$argon2id$frozen');
DELETE FROM "invites";
INSERT INTO "invites" ("code", "room_id", "user_id", "created_by", "created_at", "expires_at", "max_uses", "uses", "revoked_at") VALUES ('ABCDEFGHJK', 1, '', '01950000-0000-7000-8000-00000000000a', 1772366400000, 0, 3, 0, 0);
DELETE FROM "members";
INSERT INTO "members" ("room_id", "user_id", "role", "role_level", "joined_at", "notify", "favourite", "hidden", "last_read_seq", "last_read_ordinal", "last_read_at", "last_delivered_seq") VALUES (1, '01950000-0000-7000-8000-00000000000a', 'owner', 3, 1772366400000, 'all', 0, 0, 5, 5, 1772366400004, 0);
INSERT INTO "members" ("room_id", "user_id", "role", "role_level", "joined_at", "notify", "favourite", "hidden", "last_read_seq", "last_read_ordinal", "last_read_at", "last_delivered_seq") VALUES (1, '01950000-0000-7000-8000-00000000000b', 'member', 1, 1772366400000, 'mentions', 0, 0, 4, 4, 1772366400003, 0);
INSERT INTO "members" ("room_id", "user_id", "role", "role_level", "joined_at", "notify", "favourite", "hidden", "last_read_seq", "last_read_ordinal", "last_read_at", "last_delivered_seq") VALUES (2, '01950000-0000-7000-8000-00000000000a', 'member', 1, 1772366400000, 'all', 0, 0, 1, 1, 1772366460000, 0);
INSERT INTO "members" ("room_id", "user_id", "role", "role_level", "joined_at", "notify", "favourite", "hidden", "last_read_seq", "last_read_ordinal", "last_read_at", "last_delivered_seq") VALUES (2, '01950000-0000-7000-8000-00000000000b', 'member', 1, 1772366400000, 'all', 0, 0, 1, 1, 1772366400000, 0);
DELETE FROM "mentions";
INSERT INTO "mentions" ("user_id", "room_id", "seq", "message_id") VALUES ('01950000-0000-7000-8000-00000000000b', 1, 3, 3);
DELETE FROM "message_ids";
INSERT INTO "message_ids" ("last") VALUES (6);
DELETE FROM "messages";
INSERT INTO "messages" ("id", "room_id", "seq", "change_seq", "ordinal", "type", "sender_id", "content", "parent_id", "thread_id", "reply_count", "last_reply_at", "created_at", "edited_at", "deleted", "deleted_by", "pinned_at", "pinned_by", "everyone", "reactions", "attachments", "mentions", "links", "payload_kind", "payload", "search") VALUES (1, 1, 1, 7, 1, 'text', '01950000-0000-7000-8000-00000000000a', 'hello frozen world', 0, 0, 1, 1772366400001100, 1772366400000100, 0, 0, '', 1772366400000000, '01950000-0000-7000-8000-00000000000a', 0, 1, 1, '', '', '', NULL, '');
INSERT INTO "messages" ("id", "room_id", "seq", "change_seq", "ordinal", "type", "sender_id", "content", "parent_id", "thread_id", "reply_count", "last_reply_at", "created_at", "edited_at", "deleted", "deleted_by", "pinned_at", "pinned_by", "everyone", "reactions", "attachments", "mentions", "links", "payload_kind", "payload", "search") VALUES (2, 1, 2, 8, 2, 'text', '01950000-0000-7000-8000-00000000000b', 'a better answer', 1, 1, 0, 0, 1772366400001100, 1772366460000000, 0, '', 0, '', 0, 0, 0, '', '', '', NULL, '');
INSERT INTO "messages" ("id", "room_id", "seq", "change_seq", "ordinal", "type", "sender_id", "content", "parent_id", "thread_id", "reply_count", "last_reply_at", "created_at", "edited_at", "deleted", "deleted_by", "pinned_at", "pinned_by", "everyone", "reactions", "attachments", "mentions", "links", "payload_kind", "payload", "search") VALUES (3, 1, 3, 3, 3, 'text', '01950000-0000-7000-8000-00000000000a', 'look @bob', 0, 0, 0, 0, 1772366400002100, 0, 0, '', 0, '', 0, 0, 0, '01950000-0000-7000-8000-00000000000b', '[{"url":"https://example.org/","title":"Example"}]', '', NULL, 'look @bob');
INSERT INTO "messages" ("id", "room_id", "seq", "change_seq", "ordinal", "type", "sender_id", "content", "parent_id", "thread_id", "reply_count", "last_reply_at", "created_at", "edited_at", "deleted", "deleted_by", "pinned_at", "pinned_by", "everyone", "reactions", "attachments", "mentions", "links", "payload_kind", "payload", "search") VALUES (4, 1, 4, 9, 4, 'text', '01950000-0000-7000-8000-00000000000b', '', 0, 0, 0, 0, 1772366400003100, 0, 1, '01950000-0000-7000-8000-00000000000a', 0, '', 0, 0, 0, '', '', '', NULL, NULL);
INSERT INTO "messages" ("id", "room_id", "seq", "change_seq", "ordinal", "type", "sender_id", "content", "parent_id", "thread_id", "reply_count", "last_reply_at", "created_at", "edited_at", "deleted", "deleted_by", "pinned_at", "pinned_by", "everyone", "reactions", "attachments", "mentions", "links", "payload_kind", "payload", "search") VALUES (5, 1, 5, 5, 5, 'text', '01950000-0000-7000-8000-00000000000a', 'the end', 0, 0, 0, 0, 1772366400004100, 0, 0, '', 0, '', 0, 0, 0, '', '', 'session', X'000102', '');
INSERT INTO "messages" ("id", "room_id", "seq", "change_seq", "ordinal", "type", "sender_id", "content", "parent_id", "thread_id", "reply_count", "last_reply_at", "created_at", "edited_at", "deleted", "deleted_by", "pinned_at", "pinned_by", "everyone", "reactions", "attachments", "mentions", "links", "payload_kind", "payload", "search") VALUES (6, 2, 1, 1, 1, 'text', '01950000-0000-7000-8000-00000000000b', 'psst', 0, 0, 0, 0, 1772366400000100, 0, 0, '', 0, '', 0, 0, 0, '', '', '', NULL, '');
DELETE FROM "nonces";
INSERT INTO "nonces" ("day", "key", "message_id", "created_at") VALUES (20513, X'425ED53D89B1066019BE76F268E25AFF', 5, 1772366400000);
DELETE FROM "notifications";
INSERT INTO "notifications" ("id", "user_id", "type", "title", "content", "room_id", "message_id", "actor_id", "invite_code", "severity", "created_at", "read_at", "expires_at") VALUES (1, '01950000-0000-7000-8000-00000000000b', 'system', '', 'Welcome.', 0, 0, '', '', 'info', 1772366400000, 0, 1774958400000);
DELETE FROM "push_subscriptions";
INSERT INTO "push_subscriptions" ("endpoint", "user_id", "session_id", "p256dh", "auth", "created_at") VALUES ('https://push.example/1', '01950000-0000-7000-8000-00000000000a', 'frozen', 'p', 'a', 1772366400000);
DELETE FROM "reactions";
INSERT INTO "reactions" ("message_id", "emoji", "user_id", "position", "created_at") VALUES (1, '👍', '01950000-0000-7000-8000-00000000000b', 1, 1772366400000);
DELETE FROM "read_marks";
INSERT INTO "read_marks" ("room_id", "user_id", "seq", "at") VALUES (2, '01950000-0000-7000-8000-00000000000a', 1, 1772366460000);
DELETE FROM "reports";
INSERT INTO "reports" ("id", "message_id", "room_id", "reporter_id", "author_id", "reason", "content", "created_at", "state", "handled_by", "handled_at", "note") VALUES (1, 1, 1, '01950000-0000-7000-8000-00000000000b', '01950000-0000-7000-8000-00000000000a', 'cold', 'hello frozen world', 1772366400000, 'open', '', 0, '');
DELETE FROM "role_lists";
INSERT INTO "role_lists" ("room_id", "right", "position", "role_id", "deny") VALUES (1, 'send', 0, 'user', 0);
DELETE FROM "roles";
INSERT INTO "roles" ("id", "name", "name_key", "description", "color", "hoisted", "self_assignable", "category", "position", "permissions", "system", "messages_per_10s") VALUES ('owner', 'owner', 'owner', 'Runs the server.', '#9400D3', 1, 0, '', 0, 'administrator', 1, 0);
INSERT INTO "roles" ("id", "name", "name_key", "description", "color", "hoisted", "self_assignable", "category", "position", "permissions", "system", "messages_per_10s") VALUES ('admin', 'admin', 'admin', 'Manages people, rooms and settings.', '#FF0000', 1, 0, '', 1, 'manage_server
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
mention_everyone', 1, 0);
INSERT INTO "roles" ("id", "name", "name_key", "description", "color", "hoisted", "self_assignable", "category", "position", "permissions", "system", "messages_per_10s") VALUES ('moderator', 'moderator', 'moderator', 'Keeps conversations civil.', '#FFFF00', 1, 0, '', 2, 'view_audit_log
manage_threads
manage_messages
review_reports
create_rooms
create_invites', 1, 0);
INSERT INTO "roles" ("id", "name", "name_key", "description", "color", "hoisted", "self_assignable", "category", "position", "permissions", "system", "messages_per_10s") VALUES ('user', 'user', 'user', 'Everyone with an account.', '', 0, 0, '', 3, 'create_rooms', 1, 0);
INSERT INTO "roles" ("id", "name", "name_key", "description", "color", "hoisted", "self_assignable", "category", "position", "permissions", "system", "messages_per_10s") VALUES ('01950000-0000-7000-9000-000000000001', 'Painter', 'painter', '', '', 0, 0, '', 4, 'announce', 0, 0);
DELETE FROM "room_heads";
INSERT INTO "room_heads" ("room_id", "last_seq", "message_count", "last_message_at", "member_count") VALUES (1, 9, 5, 1772366400004100, 2);
INSERT INTO "room_heads" ("room_id", "last_seq", "message_count", "last_message_at", "member_count") VALUES (2, 1, 1, 1772366400000100, 2);
DELETE FROM "rooms";
INSERT INTO "rooms" ("id", "slug", "slug_key", "name", "name_key", "description", "topic", "type", "form", "encrypted", "official", "avatar_url", "position", "owner_id", "created_by", "created_at", "archived", "version", "extra", "direct_a", "direct_b") VALUES (1, 'Lab', 'lab', 'The Lab', 'the lab
', '', '', 'public', 'text', 0, 0, '', 0, '01950000-0000-7000-8000-00000000000a', '01950000-0000-7000-8000-00000000000a', 1772366400000, 0, 1, '', '', '');
INSERT INTO "rooms" ("id", "slug", "slug_key", "name", "name_key", "description", "topic", "type", "form", "encrypted", "official", "avatar_url", "position", "owner_id", "created_by", "created_at", "archived", "version", "extra", "direct_a", "direct_b") VALUES (2, '', NULL, '', '
', '', '', 'direct', 'text', 0, 0, '', 0, '', '', 1772366400000, 0, 1, '', '01950000-0000-7000-8000-00000000000a', '01950000-0000-7000-8000-00000000000b');
DELETE FROM "sanctions";
INSERT INTO "sanctions" ("id", "kind", "room_id", "user_id", "reason", "issued_by", "created_at", "until", "lifted_at", "lifted_by", "lift_reason") VALUES (1, 'ban', 0, '01950000-0000-7000-8000-00000000000e', 'spam', '01950000-0000-7000-8000-00000000000a', 1772366400000, 0, 0, '', '');
INSERT INTO "sanctions" ("id", "kind", "room_id", "user_id", "reason", "issued_by", "created_at", "until", "lifted_at", "lifted_by", "lift_reason") VALUES (2, 'mute', 1, '01950000-0000-7000-8000-00000000000b', '', '', 1772366400000, 1772370000000, 0, '', '');
DELETE FROM "search_config";
INSERT INTO "search_config" ("k", "v") VALUES ('secure-delete', 1);
INSERT INTO "search_config" ("k", "v") VALUES ('version', 4);
DELETE FROM "search_data";
INSERT INTO "search_data" ("id", "block") VALUES (1, X'050B0C');
INSERT INTO "search_data" ("id", "block") VALUES (10, X'000000010101010001010101');
INSERT INTO "search_data" ("id", "block") VALUES (137438953473, X'000000E202306102020202056E73776572020204020A74746163686D656E74730106010104010662657474657202020302026F620302030103656E64050203010666726F7A656E010203010568656C6C6F01020201056C696E6B73030601010402036F6F6B030202010470737374060202010272310106010102010601010201060101020206010102020132060601010201217330313935303030303030303037303030383030303030303030303030303030610106010103020601010302060101032101620206010103040601010301037468650502020105776F726C6401020404060A110B07080B0A0C08091808320D08');
DELETE FROM "search_idx";
INSERT INTO "search_idx" ("segid", "term", "pgno") VALUES (1, X'', 2);
DELETE FROM "search_state";
INSERT INTO "search_state" ("last_id", "version", "purge") VALUES (6, '1/15.0.0/15.0.0', 0);
DELETE FROM "sessions";
INSERT INTO "sessions" ("id", "user_id", "device", "address", "created_at", "last_used_at", "expires_at", "revoked_at") VALUES ('frozen', '01950000-0000-7000-8000-00000000000a', 'Browser/1', '', 1772366400000, 1772366400000, 1772452800000, 0);
DELETE FROM "settings";
INSERT INTO "settings" ("key", "value") VALUES ('server.name', '"Frozen"');
DELETE FROM "user_roles";
INSERT INTO "user_roles" ("user_id", "role_id", "position") VALUES ('01950000-0000-7000-8000-00000000000a', 'owner', 1);
INSERT INTO "user_roles" ("user_id", "role_id", "position") VALUES ('01950000-0000-7000-8000-00000000000b', 'user', 1);
INSERT INTO "user_roles" ("user_id", "role_id", "position") VALUES ('01950000-0000-7000-8000-00000000000b', '01950000-0000-7000-9000-000000000001', 2);
DELETE FROM "user_words";
INSERT INTO "user_words" ("word", "user_id") VALUES ('ada', '01950000-0000-7000-8000-00000000000a');
INSERT INTO "user_words" ("word", "user_id") VALUES ('ada lovelace', '01950000-0000-7000-8000-00000000000a');
INSERT INTO "user_words" ("word", "user_id") VALUES ('lovelace', '01950000-0000-7000-8000-00000000000a');
INSERT INTO "user_words" ("word", "user_id") VALUES ('bob', '01950000-0000-7000-8000-00000000000b');
INSERT INTO "user_words" ("word", "user_id") VALUES ('eve', '01950000-0000-7000-8000-00000000000e');
DELETE FROM "users";
INSERT INTO "users" ("number", "id", "username", "username_key", "display_name", "name_key", "kind", "avatar_url", "bio", "email", "status", "status_message", "settings", "created_at", "last_seen_at", "disabled_at") VALUES (1, '01950000-0000-7000-8000-00000000000a', 'Ada', 'ada', 'Ada Lovelace', 'ada
ada lovelace', 'person', '', '', '', 'online', '', '{"theme":"dark"}', 1772366400000, 0, 0);
INSERT INTO "users" ("number", "id", "username", "username_key", "display_name", "name_key", "kind", "avatar_url", "bio", "email", "status", "status_message", "settings", "created_at", "last_seen_at", "disabled_at") VALUES (2, '01950000-0000-7000-8000-00000000000b', 'bob', 'bob', 'Bób', 'bob
bob', 'person', '', '', '', 'away', '', '', 1772366400000, 0, 0);
INSERT INTO "users" ("number", "id", "username", "username_key", "display_name", "name_key", "kind", "avatar_url", "bio", "email", "status", "status_message", "settings", "created_at", "last_seen_at", "disabled_at") VALUES (3, '01950000-0000-7000-8000-00000000000e', 'eve', 'eve', 'Eve', 'eve
eve', 'bot', '', '', '', 'offline', '', '', 1772366400000, 0, 1772366400000);
DELETE FROM "sqlite_sequence";
INSERT INTO "sqlite_sequence" ("name", "seq") VALUES ('goose_db_version', 2);
INSERT INTO "sqlite_sequence" ("name", "seq") VALUES ('users', 3);
INSERT INTO "sqlite_sequence" ("name", "seq") VALUES ('rooms', 2);
INSERT INTO "sqlite_sequence" ("name", "seq") VALUES ('sanctions', 2);
INSERT INTO "sqlite_sequence" ("name", "seq") VALUES ('notifications', 1);
INSERT INTO "sqlite_sequence" ("name", "seq") VALUES ('audit', 1);
INSERT INTO "sqlite_sequence" ("name", "seq") VALUES ('attachments', 1);
INSERT INTO "sqlite_sequence" ("name", "seq") VALUES ('reports', 1);
CREATE INDEX users_name ON users (name_key);
CREATE INDEX users_avatar ON users (substr(avatar_url, length(avatar_url) - 63)) WHERE avatar_url <> '';
CREATE INDEX user_words_user ON user_words (user_id);
CREATE INDEX identities_user ON identities (user_id);
CREATE INDEX sessions_user ON sessions (user_id, last_used_at);
CREATE INDEX sessions_expiry ON sessions (expires_at);
CREATE INDEX user_roles_role ON user_roles (role_id);
CREATE UNIQUE INDEX rooms_direct ON rooms (direct_a, direct_b) WHERE type = 'direct';
CREATE INDEX rooms_type ON rooms (type, archived);
CREATE INDEX rooms_avatar ON rooms (substr(avatar_url, length(avatar_url) - 63)) WHERE avatar_url <> '';
CREATE INDEX members_user ON members (user_id, room_id);
CREATE INDEX members_order ON members (room_id, role_level DESC, joined_at, user_id);
CREATE INDEX read_marks_at ON read_marks (at);
CREATE UNIQUE INDEX messages_seq ON messages (room_id, seq);
CREATE INDEX messages_change ON messages (room_id, change_seq) WHERE change_seq > seq;
CREATE INDEX messages_thread ON messages (thread_id, seq) WHERE thread_id > 0;
CREATE INDEX messages_pinned ON messages (room_id, pinned_at) WHERE pinned_at > 0;
CREATE INDEX mentions_message ON mentions (message_id);
CREATE INDEX attachments_message ON attachments (message_id, position);
CREATE INDEX attachments_unused ON attachments (message_id, created_at) WHERE message_id = 0;
CREATE INDEX attachments_hash ON attachments (hash);
CREATE INDEX attachments_thumb ON attachments (thumb_hash) WHERE thumb_hash <> '';
CREATE INDEX attachments_uploader ON attachments (uploader_id, id);
CREATE INDEX invites_room ON invites (room_id, created_at);
CREATE INDEX invites_user ON invites (user_id, room_id) WHERE user_id <> '';
CREATE INDEX sanctions_user ON sanctions (user_id, room_id);
CREATE INDEX sanctions_room ON sanctions (room_id, id);
CREATE INDEX blocks_blocked ON blocks (blocked_id);
CREATE INDEX reports_state ON reports (state, id);
CREATE UNIQUE INDEX reports_open ON reports (message_id, reporter_id) WHERE state = 'open';
CREATE INDEX audit_actor ON audit (actor_id, id);
CREATE INDEX audit_target ON audit (target_id, id);
CREATE INDEX audit_room ON audit (room_id, id);
CREATE INDEX notifications_user ON notifications (user_id, id);
CREATE INDEX notifications_unread ON notifications (user_id, room_id) WHERE read_at = 0;
CREATE INDEX notifications_message ON notifications (message_id) WHERE message_id > 0;
CREATE INDEX notifications_expiry ON notifications (expires_at);
CREATE INDEX push_subscriptions_user ON push_subscriptions (user_id);
COMMIT;
