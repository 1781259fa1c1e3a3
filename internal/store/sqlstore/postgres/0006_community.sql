-- +goose Up
-- What a message carries beside its text: embeds, who it was posted as, the command it answers. JSON; empty for nothing.
ALTER TABLE messages ADD COLUMN extras TEXT COLLATE "C" NOT NULL DEFAULT '';
ALTER TABLE messages ADD COLUMN polls BIGINT NOT NULL DEFAULT 0; -- 1 where the message is a poll, so that most reads need not look
CREATE INDEX messages_silent ON messages (room_id, seq) WHERE deleted AND type <> 'system' AND type <> 'thread'; -- what is counted and not listed, to be taken off places
CREATE INDEX messages_silent_replies ON messages (thread_id, seq) WHERE deleted AND thread_id > 0;
ALTER TABLE room_heads ADD COLUMN deleted_count BIGINT NOT NULL DEFAULT 0; -- how many of message_count are deleted
UPDATE room_heads SET deleted_count = (SELECT COUNT(*) FROM messages m WHERE m.room_id = room_heads.room_id AND m.deleted AND m.type <> 'system' AND m.type <> 'thread');

-- The name under which an identity provider knows a person; NULL for accounts made here.
ALTER TABLE users ADD COLUMN external_name TEXT COLLATE "C" NOT NULL DEFAULT '';
ALTER TABLE users ADD COLUMN external_key TEXT COLLATE "C"; -- lower case
CREATE UNIQUE INDEX users_external ON users (external_key) WHERE external_key IS NOT NULL;

ALTER TABLE rooms ADD COLUMN denied_permissions TEXT COLLATE "C" NOT NULL DEFAULT ''; -- server permissions that give no rights in this room, one a line
CREATE INDEX rooms_official ON rooms (position, id) WHERE official;
CREATE INDEX role_lists_role ON role_lists (role_id);

-- Threads of forums: each begins with a message that bears its name.
CREATE TABLE threads (
    id              BIGINT PRIMARY KEY REFERENCES messages (id) ON DELETE CASCADE, -- that message
    room_id         BIGINT NOT NULL REFERENCES rooms (id) ON DELETE CASCADE,
    name            TEXT COLLATE "C" NOT NULL,
    created_by      TEXT COLLATE "C" NOT NULL DEFAULT '',
    created_at      BIGINT NOT NULL, -- microseconds
    locked          BOOLEAN NOT NULL DEFAULT FALSE,
    archived        BOOLEAN NOT NULL DEFAULT FALSE,
    last_message_id BIGINT NOT NULL DEFAULT 0,
    last_message_at BIGINT NOT NULL, -- microseconds; of the thread itself while it is empty
    message_count   BIGINT NOT NULL DEFAULT 0, -- replies ever, tombstones included
    deleted_count   BIGINT NOT NULL DEFAULT 0,
    deleted         BOOLEAN NOT NULL DEFAULT FALSE, -- gone for everybody; its messages are being deleted
    version         BIGINT NOT NULL DEFAULT 1
);
CREATE INDEX threads_room ON threads (room_id, archived, last_message_at DESC, id DESC) WHERE NOT deleted;
CREATE INDEX threads_deleted ON threads (id) WHERE deleted;
CREATE TABLE thread_members (
    thread_id BIGINT NOT NULL REFERENCES threads (id) ON DELETE CASCADE,
    user_id   TEXT COLLATE "C" NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    joined_at BIGINT NOT NULL,
    PRIMARY KEY (thread_id, user_id)
);
CREATE INDEX thread_members_user ON thread_members (user_id);
CREATE TABLE thread_reads ( -- how far people have read, who takes part or not
    user_id       TEXT COLLATE "C" NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    thread_id     BIGINT NOT NULL REFERENCES threads (id) ON DELETE CASCADE,
    last_read_seq BIGINT NOT NULL,
    last_read_at  BIGINT NOT NULL,
    PRIMARY KEY (user_id, thread_id)
);
CREATE INDEX thread_reads_thread ON thread_reads (thread_id);

CREATE TABLE polls (
    message_id BIGINT PRIMARY KEY REFERENCES messages (id) ON DELETE CASCADE,
    question   TEXT COLLATE "C" NOT NULL,
    multiple   BOOLEAN NOT NULL DEFAULT FALSE,
    created_by TEXT COLLATE "C" NOT NULL DEFAULT '',
    expires_at BIGINT NOT NULL DEFAULT 0, -- 0: never
    ended_at   BIGINT NOT NULL DEFAULT 0, -- 0: not ended by hand
    ended_by   TEXT COLLATE "C" NOT NULL DEFAULT ''
);
CREATE TABLE poll_options (
    message_id BIGINT NOT NULL REFERENCES polls (message_id) ON DELETE CASCADE,
    position   BIGINT NOT NULL,
    id         TEXT COLLATE "C" NOT NULL, -- unique within the poll
    text       TEXT COLLATE "C" NOT NULL,
    emoji      TEXT COLLATE "C" NOT NULL DEFAULT '',
    PRIMARY KEY (message_id, position)
);
CREATE TABLE poll_votes (
    message_id BIGINT NOT NULL REFERENCES polls (message_id) ON DELETE CASCADE,
    position   BIGINT NOT NULL, -- the option
    user_id    TEXT COLLATE "C" NOT NULL,
    at         BIGINT NOT NULL,
    PRIMARY KEY (message_id, position, user_id)
);
CREATE INDEX poll_votes_order ON poll_votes (message_id, position, at, user_id);

CREATE TABLE webhooks (
    id         TEXT COLLATE "C" PRIMARY KEY,
    room_id    BIGINT NOT NULL REFERENCES rooms (id) ON DELETE CASCADE,
    name       TEXT COLLATE "C" NOT NULL,
    avatar_url TEXT COLLATE "C" NOT NULL DEFAULT '',
    created_by TEXT COLLATE "C" NOT NULL DEFAULT '',
    created_at BIGINT NOT NULL,
    version    BIGINT NOT NULL DEFAULT 1 -- of the token, which is derived and not stored
);
CREATE INDEX webhooks_room ON webhooks (room_id);

CREATE INDEX audit_action ON audit (action, id);
CREATE INDEX sanctions_bans ON sanctions (id) WHERE room_id = 0 AND kind = 'ban' AND lifted_at = 0;

-- Names of accounts that are gone, for what they wrote.
CREATE TABLE departed (
    user_id       TEXT COLLATE "C" PRIMARY KEY,
    username      TEXT COLLATE "C" NOT NULL,
    external_name TEXT COLLATE "C" NOT NULL DEFAULT ''
);

CREATE TABLE plugin_values (
    plugin TEXT COLLATE "C" NOT NULL,
    "key"  TEXT COLLATE "C" NOT NULL,
    value  TEXT COLLATE "C" NOT NULL,
    PRIMARY KEY (plugin, "key")
);

ALTER TABLE push_subscriptions ADD COLUMN device TEXT COLLATE "C" NOT NULL DEFAULT ''; -- tells the devices of a person apart where the client cannot; empty: by endpoint
ALTER TABLE push_subscriptions ADD COLUMN last_used_at BIGINT NOT NULL DEFAULT 0;

-- The server's own roles name what they allow in words of every protocol.
UPDATE roles SET description = 'Server owner with ultimate permissions.' WHERE id = 'owner' AND description = 'Runs the server.';
UPDATE roles SET description = 'Administrator role with full permissions.' WHERE id = 'admin' AND description = 'Manages people, rooms and settings.';
UPDATE roles SET description = 'Moderator role with elevated permissions.' WHERE id = 'moderator' AND description = 'Keeps conversations civil.';
UPDATE roles SET description = 'Regular user role with standard permissions.' WHERE id = 'user' AND description = 'Everyone with an account.';
UPDATE roles SET permissions = permissions || '
kick_members
ban_members
create_invite
manage_invites
manage_nicknames
use_slash_commands' WHERE id = 'admin';
UPDATE roles SET permissions = permissions || '
kick_members
manage_nicknames
mute_members
deafen_members
move_members
create_invite
use_slash_commands' WHERE id = 'moderator';
UPDATE roles SET permissions = permissions || '
send_messages
read_message_history
add_reactions
attach_files
embed_links
external_emojis
connect
speak
stream
use_voice_activity
change_nickname
create_invite
use_slash_commands' WHERE id = 'user';
