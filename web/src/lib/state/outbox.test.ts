import { afterEach, describe, expect, it, vi } from 'vitest';
import { ApiError, NetworkError, type Message } from '$lib/api/client';
import type { Answer, ClientFrame } from '$lib/api/frames';
import { Outbox } from './outbox.svelte';

type Send = Extract<ClientFrame, { type: 'send_message' }>;
let databases = 0;

/** An outbox before a server that answers as told. */
function world(answer: (frame: Send, n: number) => Promise<Answer>, database = `outbox-${++databases}`) {
	const w = {
		online: true,
		asked: [] as Send[],
		sent: [] as Message[],
		database,
		outbox: null as unknown as Outbox,
	};
	w.outbox = new Outbox({
		connected: () => w.online,
		ask: (f) => {
			w.asked.push(f as Send);
			return answer(f as Send, w.asked.length);
		},
		sent: (m) => w.sent.push(m),
		database,
	});
	return w;
}

const stored = (f: Send): Answer => ({ message: { id: f.nonce!, room_id: f.room_id, content: f.content } as Message });
const draft = (content: string) => ({ room_id: '1', content, parent_id: null, attachments: [] });
const outboxes: Outbox[] = [];

async function started(w: ReturnType<typeof world>) {
	await w.outbox.start('me');
	outboxes.push(w.outbox);
	return w;
}

afterEach(() => {
	for (const o of outboxes.splice(0)) o.stop();
});

describe('the outbox', () => {
	it('sends in order and forgets what arrived', async () => {
		const w = await started(world(async (f) => stored(f)));
		await w.outbox.add(draft('one'));
		await w.outbox.add(draft('two'));
		await vi.waitFor(() => expect(w.outbox.size).toBe(0));
		expect(w.sent.map((m) => m.content)).toEqual(['one', 'two']);
	});

	it('keeps what was written without a connection, and sends it with the same nonce later', async () => {
		const w = await started(world(async (f, n) => (n === 1 ? Promise.reject(new NetworkError('gone')) : stored(f))));
		await w.outbox.add(draft('hello'));
		await vi.waitFor(() => expect(w.asked.length).toBe(1));
		expect(w.outbox.in('1').map((p) => p.content)).toEqual(['hello']);
		await vi.waitFor(() => {
			w.outbox.flush();
			expect(w.outbox.size).toBe(0);
		});
		expect(new Set(w.asked.map((f) => f.nonce)).size).toBe(1);
	});

	it('survives a reload', async () => {
		const before = world(async (f) => stored(f));
		before.online = false;
		await started(before);
		await before.outbox.add(draft('kept'));
		before.outbox.stop();
		const after = await started(world(async (f) => stored(f), before.database));
		await vi.waitFor(() => expect(after.sent.map((m) => m.content)).toEqual(['kept']));
	});

	it('never shows one person what another left', async () => {
		const before = world(async (f) => stored(f));
		before.online = false;
		await started(before);
		await before.outbox.add(draft('secret'));
		const other = world(async (f) => stored(f), before.database);
		await other.outbox.start('somebody else');
		outboxes.push(other.outbox);
		expect(other.outbox.size).toBe(0);
		expect(other.asked).toEqual([]);
	});

	it('holds a refused message for the person and goes on with the next', async () => {
		const w = await started(world(async (f) => (f.content === 'bad' ? Promise.reject(new ApiError(0, 'muted', 'You are muted.')) : stored(f))));
		await w.outbox.add(draft('bad'));
		await w.outbox.add(draft('good'));
		await vi.waitFor(() => expect(w.sent.length).toBe(1));
		expect(w.outbox.in('1').map((p) => [p.content, p.failed?.code])).toEqual([['bad', 'muted']]);
		w.outbox.drop(w.outbox.in('1')[0]!.nonce);
		expect(w.outbox.size).toBe(0);
	});

	it('waits as long as the server asks, and sends then', async () => {
		const w = await started(world(async (f, n) => (n === 1 ? Promise.reject(new ApiError(0, 'rate_limited', '', [], 20)) : stored(f))));
		await w.outbox.add(draft('soon'));
		await vi.waitFor(() => expect(w.sent.length).toBe(1));
		expect(w.asked.length).toBe(2);
	});

	it('sends again what a person retries', async () => {
		const w = await started(world(async (f, n) => (n === 1 ? Promise.reject(new ApiError(0, 'send_forbidden', '')) : stored(f))));
		const p = await w.outbox.add(draft('again'));
		await vi.waitFor(() => expect(w.outbox.in('1')[0]?.failed).not.toBeNull());
		await vi.waitFor(() => {
			w.outbox.retry(p.nonce);
			expect(w.sent.length).toBe(1);
		});
	});
});
