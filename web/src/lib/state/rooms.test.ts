import { describe, expect, it } from 'vitest';
import type { Message, Room } from '$lib/api/client';
import { Rooms } from './rooms.svelte';

const me = 'me';

function room(id: string, part: Partial<Room> = {}): Room {
	return {
		id,
		name: `room ${id}`,
		type: 'public',
		created_at: '2026-01-01T00:00:00.000Z',
		last_message_at: null,
		last_seq: 0,
		member_count: 2,
		me: { role: 'member', last_read_seq: 0, unread_count: 0, mention_count: 0, notify: 'all', favourite: false, muted: false, muted_until: null, slow_mode_until: null, joined_at: '' },
		...part,
	} as Room;
}

function said(room_id: string, seq: number, by = 'them', part: Partial<Message> = {}): { type: 'message_created'; room_id: string; message: Message } {
	const message = { id: `m${seq}`, room_id, seq, change_seq: seq, sender: { id: by }, created_at: `2026-02-01T00:00:0${seq}.000Z`, mentions: [], ...part } as unknown as Message;
	return { type: 'message_created', room_id, message };
}

function made(...list: Room[]) {
	const rooms = new Rooms();
	rooms.replaceAll(list);
	return rooms;
}

describe('rooms', () => {
	it('stand in the order of their newest message', () => {
		const rooms = made(room('1'), room('2'));
		rooms.apply(said('2', 1), me);
		rooms.apply(said('1', 2), me);
		expect(rooms.list.map((r) => r.id)).toEqual(['1', '2']);
	});

	it('count what others say, and mentions of the reader', () => {
		const rooms = made(room('1'));
		rooms.apply(said('1', 1), me);
		rooms.apply(said('1', 2, 'them', { mentions: [me] }), me);
		expect(rooms.get('1')!.me).toMatchObject({ unread_count: 2, mention_count: 1 });
		expect(rooms.unread).toBe(2);
		expect(rooms.mentions).toBe(1);
	});

	it('count a message once, however often it is told', () => {
		const rooms = made(room('1'));
		rooms.apply(said('1', 1), me);
		rooms.apply(said('1', 1), me);
		expect(rooms.get('1')!.me!.unread_count).toBe(1);
	});

	it('do not count what the server says by itself', () => {
		const rooms = made(room('1'));
		rooms.apply(said('1', 1, 'them', { type: 'system', sender: null }), me);
		expect(rooms.get('1')!.me!.unread_count).toBe(0);
		expect(rooms.get('1')!.last_seq).toBe(1);
	});

	it('have been read by who writes into them', () => {
		const rooms = made(room('1'));
		rooms.apply(said('1', 1), me);
		rooms.apply(said('1', 2, me), me);
		expect(rooms.get('1')!.me).toMatchObject({ unread_count: 0, last_read_seq: 2 });
	});

	it('let one wait in slow mode after writing, and nobody else', () => {
		const rooms = made(room('1', { slow_mode_seconds: 60 } as Partial<Room>));
		rooms.apply(said('1', 1), me);
		expect(rooms.get('1')!.me!.slow_mode_until).toBeNull();
		const before = Date.now();
		rooms.apply(said('1', 2, me), me);
		const until = Date.parse(rooms.get('1')!.me!.slow_mode_until!);
		expect(until).toBeGreaterThanOrEqual(before + 60_000);
		expect(until).toBeLessThanOrEqual(Date.now() + 60_000);
	});

	it('believe what the server counts', () => {
		const rooms = made(room('1'));
		rooms.apply(said('1', 1), me);
		rooms.apply({ type: 'unread_updated', room_id: '1', unread_count: 5, mention_count: 2, last_read_seq: 0 }, me);
		expect(rooms.get('1')!.me).toMatchObject({ unread_count: 5, mention_count: 2 });
	});

	it('keep the reader’s membership when an event for everyone changes them', () => {
		const rooms = made(room('1', { me: { ...room('1').me!, favourite: true } }));
		rooms.apply({ type: 'room_updated', room: room('1', { name: 'new', me: null }) }, me);
		expect(rooms.get('1')).toMatchObject({ name: 'new', me: { favourite: true } });
	});

	it('keep the name of the other person in direct rooms', () => {
		const peer = { id: 'them', display_name: 'Ada', avatar_url: null } as Room['peer'];
		const rooms = made(room('1', { type: 'direct', name: 'Ada', peer }));
		rooms.apply({ type: 'room_updated', room: room('1', { type: 'direct', name: '', me: null, peer: null }) }, me);
		expect(rooms.get('1')!.name).toBe('Ada');
		expect(rooms.directWith('them')!.id).toBe('1');
	});

	it('do not count what is silenced', () => {
		const rooms = made(room('1', { me: { ...room('1').me!, notify: 'muted' } }));
		rooms.apply(said('1', 1), me);
		expect(rooms.unread).toBe(0);
	});

	it('go when they are taken away', () => {
		const rooms = made(room('1'), room('2'));
		rooms.apply({ type: 'room_removed', room_id: '1' }, me);
		rooms.apply({ type: 'room_deleted', room_id: '2' }, me);
		expect(rooms.list).toEqual([]);
	});
});
