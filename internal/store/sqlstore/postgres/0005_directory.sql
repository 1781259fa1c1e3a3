-- +goose Up
-- The directory's order. What a message changes in a room's head is not in it.
CREATE INDEX room_heads_members ON room_heads (member_count DESC, room_id);
