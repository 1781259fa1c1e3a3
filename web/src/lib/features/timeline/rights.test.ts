import { describe, expect, it } from 'vitest';
import type { Limits, Message, Room, Self } from '$lib/api/client';
import { rights, silence, type Rights } from './rights';

const now = Date.parse('2026-11-20T12:00:00.000Z');
type Who = { own?: boolean; rank?: Self['rank']; mute?: Self['mute'] };
type Where = Partial<Room> & { role?: 'owner' | 'admin' | 'member'; muted?: boolean; until?: string | null; outside?: boolean };
type What = Partial<Message> & { age?: number };

/** The rights that are had, in words. */
function had(who: Who, where: Where, what: What): string {
	const { role = 'member', muted = false, until = null, outside = false, ...over } = where;
	const room = { type: 'public', form: 'text', archived: false, me: outside ? null : { role, muted, muted_until: until }, ...over } as unknown as Room;
	const message = {
		sender: { id: who.own ? 'me' : 'other' },
		deleted: false,
		type: 'text',
		created_at: new Date(now - (what.age ?? 10) * 1000).toISOString(),
		...what,
	} as unknown as Message;
	const all = rights(message, room, { id: 'me', rank: who.rank ?? 'member', mute: who.mute ?? null } as Self, { edit_window_seconds: 900 } as Limits, now);
	return (Object.keys(all) as (keyof Rights)[]).filter((k) => all[k]).join(' ');
}

const rows: [string, Who, Where, What, string][] = [
	["a member, with another's message", {}, {}, {}, 'reply react report'],
	['a member, with their own', { own: true }, {}, {}, 'reply react edit remove'],
	['a member, with their own of half an hour ago', { own: true }, {}, { age: 1800 }, 'reply react remove'],
	["a room's admin, with another's message", {}, { role: 'admin' }, {}, 'reply react remove pin report'],
	['a moderator in a public room', { rank: 'moderator' }, {}, {}, 'reply react remove pin report'],
	['a moderator in a public room they are not in', { rank: 'moderator' }, { outside: true }, {}, 'remove'],
	['a moderator in a private room', { rank: 'moderator' }, { type: 'private' }, {}, 'reply react report'],
	["either of a direct room, with the other's message", {}, { type: 'direct' }, {}, 'reply react pin report'],
	['a muted member, with their own', { own: true }, { muted: true }, {}, 'remove'],
	['a member whose mute is over', { own: true }, { muted: true, until: '2026-11-20T11:00:00Z' }, {}, 'reply react edit remove'],
	['a member muted on the server, with their own', { own: true, mute: { until: null, reason: '' } }, {}, {}, 'remove'],
	['anyone in an archived room', { own: true }, { archived: true, role: 'owner' }, {}, 'remove'],
	['anyone, with a tombstone', { own: true }, { role: 'owner' }, { deleted: true }, ''],
	['a member, with a system message', {}, {}, { type: 'system', sender: null }, 'react'],
];

describe('what may be done', () => {
	for (const [name, who, where, what, expected] of rows) it(`by ${name}`, () => expect(had(who, where, what)).toBe(expected));
});

describe('the mute that is shown', () => {
	const shown = (mute: Self['mute'], muted: boolean, until: string | null = null) => silence({ me: { muted, muted_until: until } } as unknown as Room, { mute } as Self, now);
	const [soon, late, gone] = ['2026-11-20T13:00:00.000Z', '2026-11-20T14:00:00.000Z', '2026-11-20T11:00:00.000Z'];

	it('is none, if none holds', () => {
		expect(shown(null, false)).toBeNull();
		expect(shown({ until: gone, reason: '' }, true, gone)).toBeNull();
	});
	it('is the one that holds', () => {
		expect(shown({ until: soon, reason: 'Shouting' }, false)).toEqual({ everywhere: true, until: soon, reason: 'Shouting' });
		expect(shown({ until: gone, reason: 'Shouting' }, true, soon)).toMatchObject({ everywhere: false, until: soon });
	});
	it('is of two the longer one', () => {
		expect(shown({ until: soon, reason: '' }, true, late)).toMatchObject({ everywhere: false });
		expect(shown({ until: late, reason: '' }, true, soon)).toMatchObject({ everywhere: true });
		expect(shown({ until: null, reason: '' }, true, late)).toMatchObject({ everywhere: true, until: null });
		expect(shown({ until: late, reason: '' }, true)).toMatchObject({ everywhere: false, until: null });
	});
});
