// What a person may do with a message, as far as this side can know. The server decides; this only keeps from offering what it refuses.
import type { Limits, Message, Room, Self } from '$lib/api/client';

export interface Rights {
	reply: boolean;
	react: boolean;
	edit: boolean;
	remove: boolean;
	pin: boolean;
	report: boolean;
}

const none: Rights = { reply: false, react: false, edit: false, remove: false, pin: false, report: false };

/** Whether the person stands above a room's members by their rank on the server. */
const moderates = (room: Room, me: Self) => room.type === 'public' && me.rank !== 'member';

/** Whether the person may make something visible in the room. */
export function maySpeak(room: Room, me: Self | null, now = Date.now()): boolean {
	if (!room.me || room.archived || room.form === 'separator') return false;
	return !silence(room, me, now);
}

/** What keeps somebody from writing. */
export interface Silence {
	/** On the whole server, not only in the room. */
	everywhere: boolean;
	/** Null: until it is lifted. */
	until: string | null;
	/** Empty if none was given, and for a mute of the room. */
	reason: string;
}

/** The mute that holds, of the room or of the server: of both the one that lasts longer. */
export function silence(room: Room, me: Self | null, now = Date.now()): Silence | null {
	const holds = (s: Silence) => s.until === null || Date.parse(s.until) > now;
	const end = (s: Silence) => (s.until === null ? Infinity : Date.parse(s.until));
	const all: Silence[] = [];
	if (me?.mute) all.push({ everywhere: true, ...me.mute });
	if (room.me?.muted) all.push({ everywhere: false, until: room.me.muted_until, reason: '' });
	return all.filter(holds).reduce<Silence | null>((longest, s) => (longest && end(longest) >= end(s) ? longest : s), null);
}

export function mayPin(room: Room, me: Self | null, now = Date.now()): boolean {
	if (!me || !maySpeak(room, me, now)) return false;
	return room.type === 'direct' || room.me!.role !== 'member' || moderates(room, me);
}

/** Whether an own message may still be changed. */
export function inEditWindow(message: Message, limits: Limits | null, now = Date.now()): boolean {
	const seconds = limits?.edit_window_seconds ?? null;
	return seconds === null || now - Date.parse(message.created_at) < seconds * 1000;
}

export function rights(message: Message, room: Room, me: Self | null, limits: Limits | null, now = Date.now()): Rights {
	if (!me || message.deleted) return none;
	const system = message.type === 'system';
	const own = message.sender?.id === me.id;
	const member = !!room.me;
	const speaks = maySpeak(room, me, now);
	return {
		reply: speaks && !system,
		react: speaks,
		edit: own && speaks && !system && inEditWindow(message, limits, now),
		remove: own ? member : (room.type !== 'direct' && member && room.me!.role !== 'member') || moderates(room, me),
		pin: mayPin(room, me, now) && !system,
		report: member && !own && !system && message.sender !== null,
	};
}
