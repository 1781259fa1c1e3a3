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
export function maySpeak(room: Room, now = Date.now()): boolean {
	if (!room.me || room.archived || room.form === 'separator') return false;
	return !isMuted(room, now);
}

export function isMuted(room: Room, now = Date.now()): boolean {
	return !!room.me?.muted && (room.me.muted_until === null || Date.parse(room.me.muted_until) > now);
}

export function mayPin(room: Room, me: Self | null, now = Date.now()): boolean {
	if (!me || !maySpeak(room, now)) return false;
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
	const speaks = maySpeak(room, now);
	return {
		reply: speaks && !system,
		react: speaks,
		edit: own && speaks && !system && inEditWindow(message, limits, now),
		remove: own ? member : (room.type !== 'direct' && member && room.me!.role !== 'member') || moderates(room, me),
		pin: mayPin(room, me, now) && !system,
		report: member && !own && !system && message.sender !== null,
	};
}
