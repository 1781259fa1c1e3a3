import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { Message, MessagePage } from '$lib/api/client';
import { Timeline } from './timeline.svelte';

const sender = { id: 'u1', username: 'ann', display_name: 'Ann', avatar_url: null, bot: false, rank: 'member' as const };

function message(seq: number, over: Partial<Message> = {}): Message {
	return {
		id: `m${seq}`,
		room_id: 'r',
		seq,
		change_seq: seq,
		type: 'text',
		sender,
		content: `text ${seq}`,
		created_at: new Date(1_700_000_000_000 + seq * 1000).toISOString(),
		edited_at: null,
		deleted: false,
		pinned: false,
		parent_id: null,
		thread: null,
		attachments: [],
		links: [],
		mentions: [],
		reactions: [],
		...over,
	};
}

/** Answers of the server, given one by one by the test. */
class Server {
	asked: { url: URL; answer: (body: unknown) => void; refuse: (status: number, code: string) => void }[] = [];

	fetch = (input: string, init: RequestInit) =>
		new Promise<Response>((resolve, reject) => {
			const json = (body: unknown, status: number) => new Response(JSON.stringify(body), { status });
			init.signal?.addEventListener('abort', () => reject(new DOMException('aborted', 'AbortError')));
			this.asked.push({
				url: new URL(input, 'http://server'),
				answer: (body) => resolve(json(body, 200)),
				refuse: (status, code) => resolve(json({ code, detail: code }, status)),
			});
		});
}

let server: Server;
beforeEach(() => {
	server = new Server();
	vi.stubGlobal('fetch', server.fetch);
});
afterEach(() => vi.unstubAllGlobals());

const page = (messages: Message[], has_before = false, has_after = false): MessagePage => ({ messages, has_before, has_after });

async function opened(messages: Message[], has_before = false, has_after = false, timeline = new Timeline('r')) {
	const done = timeline.open({ at: 'newest' });
	server.asked[0]!.answer(page(messages, has_before, has_after));
	await done;
	server.asked = [];
	return timeline;
}

const shown = (t: Timeline) => t.messages.map((m) => (m.deleted ? `${m.id} gone` : `${m.id} ${m.content}`));

describe('a history ends in the same state whatever the order of arrival', () => {
	const edited = message(2, { change_seq: 5, content: 'edited' });
	type Arrival = (t: Timeline) => void;
	const rows: { name: string; arrivals: Arrival[]; ends: string[] }[] = [
		{
			name: 'an edit and a later deletion, or the deletion first',
			arrivals: [(t) => t.put(edited), (t) => t.remove('m2', 6)],
			ends: ['m1 text 1', 'm2 gone', 'm3 text 3'],
		},
		{
			name: 'two new messages of which the own answer overtakes the other',
			arrivals: [(t) => t.put(message(4)), (t) => t.own(message(5))],
			ends: ['m1 text 1', 'm2 text 2', 'm3 text 3', 'm4 text 4', 'm5 text 5'],
		},
		{
			name: 'the event and the answer of the same send',
			arrivals: [(t) => t.put(message(4)), (t) => t.own(message(4))],
			ends: ['m1 text 1', 'm2 text 2', 'm3 text 3', 'm4 text 4'],
		},
		{
			name: 'two edits',
			arrivals: [(t) => t.put(edited), (t) => t.put(message(2, { change_seq: 7, content: 'again' }))],
			ends: ['m1 text 1', 'm2 again', 'm3 text 3'],
		},
		{
			name: 'an edit and a message that was stored and changed while away',
			arrivals: [(t) => t.put(edited), (t) => t.put(message(4, { change_seq: 9, content: 'late' }), true)],
			ends: ['m1 text 1', 'm2 edited', 'm3 text 3', 'm4 late'],
		},
	];
	for (const { name, arrivals, ends } of rows) {
		for (const [order, list] of [
			['', arrivals],
			[', reversed', arrivals.toReversed()],
		] as const) {
			it(name + order, async () => {
				const t = await opened([message(1), message(2), message(3)]);
				for (const arrive of list) arrive(t);
				expect(shown(t)).toEqual(ends);
				for (const [i, m] of t.messages.entries()) expect(t.indexOf(m.id)).toBe(i);
			});
			it(`${name}${order}, while the first page is on its way`, async () => {
				const t = new Timeline('r');
				const done = t.open({ at: 'newest' });
				for (const arrive of list) arrive(t);
				server.asked[0]!.answer(page([message(1), message(2), message(3)]));
				await done;
				expect(shown(t)).toEqual(ends);
			});
			it(`${name}${order}, while older messages are on their way`, async () => {
				const t = await opened([message(2), message(3)], true);
				const done = t.loadBefore();
				for (const arrive of list) arrive(t);
				server.asked[0]!.answer(page([message(1)]));
				await done;
				expect(shown(t)).toEqual(ends);
				for (const [i, m] of t.messages.entries()) expect(t.indexOf(m.id)).toBe(i);
			});
		}
	}
});

describe('a stretch never gets a hole', () => {
	it('ignores a new message when the end of the stretch is not the end of the room', async () => {
		const t = await opened([message(1), message(2)], false, true);
		t.put(message(9));
		expect(shown(t)).toEqual(['m1 text 1', 'm2 text 2']);
	});
	it('ignores a change to a message before its start', async () => {
		const t = await opened([message(5), message(6)], true);
		t.put(message(2, { change_seq: 7 }));
		expect(shown(t)).toEqual(['m5 text 5', 'm6 text 6']);
	});
	it('takes the first message of an empty room', async () => {
		const t = await opened([]);
		t.put(message(1));
		expect(shown(t)).toEqual(['m1 text 1']);
	});
	it('holds nothing before it was opened', () => {
		const t = new Timeline('r');
		t.put(message(1));
		expect(t.messages).toEqual([]);
	});
	it('forgets its far end when it has grown very long, and knows that there is more', async () => {
		const t = await opened(Array.from({ length: 10_050 }, (_, i) => message(i + 1)));
		t.trim('end');
		expect(t.messages.length).toBe(8_050);
		expect(t.hasBefore).toBe(true);
		expect(t.get('m1')).toBeUndefined();
		expect(t.indexOf('m10050')).toBe(8_049);
	});
});

describe('reactions', () => {
	const withThumb = (change_seq: number, count: number, me: boolean) => message(1, { change_seq, reactions: [{ emoji: '👍', count, me }] });

	it("keep what is the reader's own through an event for everyone", async () => {
		const t = await opened([withThumb(3, 2, true)]);
		t.put(withThumb(4, 2, false));
		expect(t.messages[0]!.reactions).toEqual([{ emoji: '👍', count: 2, me: true }]);
	});
	it('believe an answer made for the reader', async () => {
		const t = await opened([withThumb(3, 2, true)]);
		t.put(withThumb(4, 1, false), true);
		expect(t.messages[0]!.reactions).toEqual([{ emoji: '👍', count: 1, me: false }]);
	});
	it('are counted once when the answer comes before the event', async () => {
		const t = await opened([message(1)]);
		t.own(withThumb(2, 1, true));
		t.react('m1', '👍', 1, 2, true, true);
		expect(t.messages[0]!.reactions).toEqual([{ emoji: '👍', count: 1, me: true }]);
	});
	it('are counted once when the event comes before the answer', async () => {
		const t = await opened([message(1)]);
		t.react('m1', '👍', 1, 2, true, true);
		t.own(withThumb(2, 1, true));
		expect(t.messages[0]!.reactions).toEqual([{ emoji: '👍', count: 1, me: true }]);
	});
	it('go when nobody is left', async () => {
		const t = await opened([withThumb(3, 1, false)]);
		t.react('m1', '👍', 0, 4, false, false);
		expect(t.messages[0]!.reactions).toEqual([]);
	});
	it('that are older than what is shown change nothing', async () => {
		const t = await opened([withThumb(5, 3, false)]);
		t.react('m1', '👍', 2, 4, true, false);
		expect(t.messages[0]!.reactions[0]!.count).toBe(3);
	});
});

describe('polls', () => {
	const poll = (mine: string[], votes: number[]) => ({
		question: '?',
		multiple: false,
		created_by: 'u1',
		expires_at: null,
		ended_at: null as string | null,
		votes: votes.reduce((a, b) => a + b),
		voters: 2,
		options: ['a', 'b'].map((id, i) => ({ id, text: id, emoji: null, votes: votes[i]!, me: mine.includes(id) })),
	});
	const asked = (change_seq: number, mine: string[], votes: number[]) => message(1, { change_seq, poll: poll(mine, votes) });
	const told = (change_seq: number, votes: number[], over = {}) => ({
		type: 'poll_voted' as const,
		room_id: 'r',
		message_id: 'm1',
		change_seq,
		options: votes.map((n, i) => ({ id: 'ab'[i]!, votes: n })),
		votes: votes.reduce((a, b) => a + b),
		voters: 2,
		ended_at: null as string | null,
		...over,
	});
	const state = (t: Timeline) => t.messages[0]!.poll!.options.map((o) => `${o.id}${o.votes}${o.me ? '!' : ''}`).join(' ');

	it('count the votes of others and keep what the reader voted for', async () => {
		const t = await opened([asked(2, ['a'], [1, 0])]);
		t.tally(told(3, [1, 1]));
		expect(state(t)).toBe('a1! b1');
	});
	it('take over what the reader voted for, told to them alone', async () => {
		const t = await opened([asked(2, ['a'], [1, 0])]);
		t.tally(told(3, [0, 1], { me: { options: ['b'] } }));
		expect(state(t)).toBe('a0 b1!');
	});
	it('keep it through an event for everyone, and believe an answer made for the reader', async () => {
		const t = await opened([asked(2, ['a'], [1, 0])]);
		t.put(asked(3, [], [1, 0]));
		expect(state(t)).toBe('a1! b0');
		t.put(asked(4, [], [0, 0]), true);
		expect(state(t)).toBe('a0 b0');
	});
	it('end, and what is older changes nothing', async () => {
		const t = await opened([asked(5, [], [1, 0])]);
		t.tally(told(4, [9, 9]));
		expect(state(t)).toBe('a1 b0');
		t.tally(told(6, [1, 0], { ended_at: '2026-03-01T12:00:00.000Z' }));
		expect(t.messages[0]!.poll!.ended_at).toBe('2026-03-01T12:00:00.000Z');
	});
});

describe('replies', () => {
	it('are counted at the first message of their thread, once', async () => {
		const t = await opened([message(1), message(2, { parent_id: 'm1' })].map((m) => (m.id === 'm1' ? { ...m, thread: { reply_count: 1, last_reply_at: message(2).created_at } } : m)));
		const reply = message(3, { parent_id: 'm2' });
		t.put(reply);
		t.own(reply);
		expect(t.get('m1')!.thread).toEqual({ reply_count: 2, last_reply_at: reply.created_at });
	});
	it('that the page has counted are not counted again by an event that waited for it', async () => {
		const t = new Timeline('r');
		const done = t.open({ at: 'newest' });
		const reply = message(2, { parent_id: 'm1' });
		t.put(reply);
		server.asked[0]!.answer(page([message(1, { thread: { reply_count: 1, last_reply_at: reply.created_at } }), reply]));
		await done;
		expect(t.get('m1')!.thread!.reply_count).toBe(1);
	});
	it('belong to the thread that they answer in, and other messages do not', async () => {
		const t = await opened([message(2, { parent_id: 'm1' })], false, false, new Timeline('r', { thread: 'm1' }));
		t.put(message(3));
		t.put(message(4, { parent_id: 'm2' }));
		t.put(message(5, { parent_id: 'm1' }));
		t.put(message(6, { parent_id: 'm0' }));
		expect(t.messages.map((m) => m.id)).toEqual(['m2', 'm4', 'm5']);
	});
});

describe('catching up', () => {
	it('counts on events only as far as they came in order', async () => {
		const t = await opened([message(1), message(2)], true);
		expect(t.lastChange).toBe(2);
		t.own(message(4));
		expect(t.lastChange).toBe(2);
		t.put(message(3));
		expect(t.lastChange).toBe(3);
		const done = t.loadBefore();
		server.asked[0]!.answer(page([message(0, { change_seq: 9 })]));
		await done;
		expect(t.lastChange).toBe(3); // changes 4 to 8 may concern what was shown before
	});
	it('reads what changed when the page was asked for before events arrived', async () => {
		let connection = '';
		const t = new Timeline('r', { live: () => connection });
		const done = t.open({ at: 'newest' });
		connection = 'first';
		server.asked[0]!.answer(page([message(1), message(2)]));
		await vi.waitFor(() => expect(server.asked.length).toBe(2));
		expect(server.asked[1]!.url.pathname).toBe('/api/rooms/r/changes');
		expect(server.asked[1]!.url.searchParams.get('since')).toBe('2');
		server.asked[1]!.answer({ messages: [message(3)], last_seq: 3, truncated: false });
		await done;
		expect(shown(t)).toEqual(['m1 text 1', 'm2 text 2', 'm3 text 3']);
	});
});

describe('opening', () => {
	const rows: { name: string; place: Parameters<Timeline['open']>[0]; asks: Record<string, string>; aims: string | null }[] = [
		{ name: 'at the newest', place: { at: 'newest' }, asks: {}, aims: null },
		{ name: 'at the first unread', place: { at: 'unread', seq: 3 }, asks: { around_seq: '3' }, aims: 'm4' },
		{ name: 'at the first unread when all is read', place: { at: 'unread', seq: 6 }, asks: { around_seq: '6' }, aims: null },
		{ name: 'at a message', place: { at: 'message', id: 'm2' }, asks: { around: 'm2' }, aims: 'm2' },
		{ name: 'at a time', place: { at: 'date', time: message(4).created_at }, asks: { at: message(4).created_at }, aims: 'm4' },
		{ name: 'at a time after the last message', place: { at: 'date', time: message(9).created_at }, asks: { at: message(9).created_at }, aims: 'm5' },
	];
	for (const { name, place, asks, aims } of rows) {
		it(name, async () => {
			const t = new Timeline('r');
			const done = t.open(place);
			const { limit, ...asked } = Object.fromEntries(server.asked[0]!.url.searchParams);
			expect(limit).toBe('50');
			expect(asked).toEqual(asks);
			server.asked[0]!.answer(page([message(1), message(2), message(4), message(5)]));
			await done;
			expect(t.target).toMatchObject({ n: 1, id: aims });
		});
	}
	it('asks nothing for a message that is there', async () => {
		const t = await opened([message(1), message(2)]);
		await t.open({ at: 'message', id: 'm1' });
		expect(server.asked).toEqual([]);
		expect(t.target).toMatchObject({ n: 2, id: 'm1' });
	});
	it('asks nothing for the first unread when it and what is before it are there', async () => {
		const t = await opened([message(1), message(2), message(3)], true);
		await t.open({ at: 'unread', seq: 2 });
		expect(server.asked).toEqual([]);
		expect(t.target.id).toBe('m2');
	});
	it('asks when the first unread may be further back', async () => {
		const t = await opened([message(5), message(6)], true);
		void t.open({ at: 'unread', seq: 2 });
		expect(server.asked.length).toBe(1);
	});
	it('elsewhere wins over a page that is on its way', async () => {
		const t = await opened([message(5)], true);
		const before = t.loadBefore();
		const there = t.open({ at: 'message', id: 'm1' });
		server.asked[1]!.answer(page([message(1)], false, true));
		await Promise.all([before, there]);
		expect(shown(t)).toEqual(['m1 text 1']);
		expect(t.hasAfter).toBe(true);
		expect(t.loading).toBeNull();
	});
	it('tells why it failed, and tries the same again', async () => {
		const t = new Timeline('r');
		const done = t.open({ at: 'message', id: 'm7' });
		server.asked[0]!.refuse(503, 'unavailable');
		await done;
		expect(t.error).toMatchObject({ code: 'unavailable' });
		expect(t.failed).toBe('open');
		const again = t.retry();
		expect(server.asked[1]!.url.searchParams.get('around')).toBe('m7');
		server.asked[1]!.answer(page([message(7)]));
		await again;
		expect(t.error).toBeNull();
		expect(shown(t)).toEqual(['m7 text 7']);
	});
});
