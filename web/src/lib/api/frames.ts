// The frames of the WebSocket (api/websocket.md).
import type { Command, Emoji, Limits, Message, Notification, Participant, Room, Self, Server, ThreadView, User, UserSummary, VoiceRoom } from './types';

export type Status = User['status'];
export type MemberRole = 'owner' | 'admin' | 'member';

/** A thread as it is for everybody. */
type ForumThread = Omit<ThreadView, 'joined' | 'unread_count' | 'last_read_id' | 'can_change' | 'can_lock'>;

/** What the server sends by itself. */
export type ServerFrame =
	| { type: 'ready'; session_id: string; user: Self; rooms: Room[]; heartbeat_ms: number; limits: Limits }
	| { type: 'message_created' | 'message_updated'; room_id: string; message: Message }
	| { type: 'message_deleted'; room_id: string; message_id: string; seq: number; change_seq: number }
	| {
			type: 'reaction_added' | 'reaction_removed';
			room_id: string;
			message_id: string;
			user: UserSummary;
			emoji: string;
			count: number;
			change_seq: number;
	  }
	| { type: 'thread_created' | 'thread_updated'; room_id: string; thread: ForumThread }
	| { type: 'thread_joined' | 'thread_left'; room_id: string; user_id: string; thread: ForumThread }
	| { type: 'thread_deleted'; room_id: string; thread_id: string }
	| { type: 'thread_read'; room_id: string; thread_id: string; message_id: string }
	| {
			type: 'poll_voted' | 'poll_ended';
			room_id: string;
			message_id: string;
			change_seq: number;
			options: { id: string; votes: number }[];
			votes: number;
			voters: number;
			ended_at: string | null;
			/** Told to the voter alone. */
			me?: { options: string[] };
	  }
	| { type: 'room_changes'; room_id: string; messages: Message[]; last_seq: number; truncated: boolean }
	| { type: 'user_typing'; room_id: string; user_id: string; typing: boolean }
	| { type: 'user_joined'; room_id: string; user: UserSummary; role: MemberRole }
	| { type: 'user_left'; room_id: string; user_id: string; reason: 'left' | 'removed' | 'banned' }
	| { type: 'member_updated'; room_id: string; user_id: string; role: MemberRole; muted: boolean; muted_until: string | null }
	| { type: 'mute_updated'; mute: Self['mute'] }
	| { type: 'message_read' | 'message_delivered'; room_id: string; user_id: string; seq: number }
	| { type: 'presence_updated'; user_id: string; status: Status; status_message: string }
	| { type: 'user_updated'; user: User }
	| { type: 'room_updated'; room: Room }
	| { type: 'room_deleted'; room_id: string }
	| { type: 'room_added'; room: Room }
	| { type: 'room_removed'; room_id: string }
	| { type: 'unread_updated'; room_id: string; unread_count: number; mention_count: number; last_read_seq: number }
	| { type: 'notification'; notification: Notification }
	| { type: 'server_updated'; server: Server }
	| { type: 'directory_changed'; room_id: string | null }
	| { type: 'roles_changed' }
	| { type: 'emoji_added' | 'emoji_updated'; emoji: Emoji }
	| { type: 'emoji_removed'; id: string; name: string }
	| { type: 'commands_added'; commands: Command[] }
	| { type: 'commands_removed'; names: string[] }
	| { type: 'command_called'; command: string; args: Record<string, unknown>; room_id: string; user: UserSummary }
	| { type: 'voice_joined' | 'voice_updated'; room_id: string; participant: Participant }
	| { type: 'voice_left'; room_id: string; user_id: string }
	| { type: 'voice_signal'; room_id: string; user_id: string; peer_id: string; data: unknown }
	/** Without a room: something may have been missed that has no change_seq. */
	| { type: 'resync'; room_id?: string }
	| { type: 'session_revoked'; reason: string };

export type FrameType = ServerFrame['type'];
export type Frame<T extends FrameType> = Extract<ServerFrame, { type: T }>;

/** What the client may send. */
export type ClientFrame =
	| { type: 'join_room'; room_id: string; since?: number }
	| { type: 'leave_room' | 'typing_start' | 'typing_stop'; room_id: string }
	| { type: 'send_message'; room_id: string; content: string; parent_id?: string; attachments?: string[]; nonce?: string }
	| { type: 'edit_message'; message_id: string; content: string }
	| { type: 'delete_message' | 'read_message'; message_id: string }
	| { type: 'add_reaction' | 'remove_reaction'; message_id: string; emoji: string }
	| { type: 'set_presence'; status: Status; status_message?: string }
	| { type: 'set_idle'; idle: boolean }
	| { type: 'call_command'; room_id: string; command: string; args: Record<string, unknown> }
	| { type: 'voice_join'; room_id: string; muted?: boolean }
	| { type: 'voice_leave' }
	| { type: 'voice_update'; muted?: boolean; deafened?: boolean }
	| { type: 'voice_signal'; user_id: string; data: unknown }
	| { type: 'ping' };

/** The answer to a frame with a ref. */
export interface Answer {
	message?: Message;
	room?: Room;
	last_seq?: number;
	/** Of call_command: a bot was asked. */
	delivered?: boolean;
	/** Of voice_join. */
	peer_id?: string;
	voice?: VoiceRoom;
}
