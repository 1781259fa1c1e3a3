import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { ApiError, NetworkError } from '$lib/api/client';
import type { ServerFrame } from '$lib/api/frames';
import { Socket, type SocketState } from './socket';

class Line {
	static made: Line[] = [];
	readyState: number = WebSocket.OPEN;
	sent: string[] = [];
	closedByUs = false;
	onmessage: ((e: { data: string }) => void) | null = null;
	onclose: ((e: { code: number; reason: string }) => void) | null = null;
	constructor(readonly url: string) {
		Line.made.push(this);
	}
	send(text: string) {
		this.sent.push(text);
	}
	close() {
		this.closedByUs = true;
		this.readyState = WebSocket.CLOSED;
	}
	says(frame: object) {
		this.onmessage?.({ data: JSON.stringify(frame) });
	}
	ends(code = 1006, reason = '') {
		this.readyState = WebSocket.CLOSED;
		this.onclose?.({ code, reason });
	}
	static get last() {
		return Line.made.at(-1)!;
	}
}

const ready = { type: 'ready', session_id: 's', user: {}, rooms: [], heartbeat_ms: 30_000, limits: {} };

function made() {
	const heard: ServerFrame[] = [];
	const states: SocketState[] = [];
	const revoked: string[] = [];
	const socket = new Socket({
		url: () => 'ws://chat.example/api/ws',
		frame: (f) => heard.push(f),
		state: (s) => states.push(s),
		revoked: (r) => revoked.push(r),
		make: (url) => new Line(url) as unknown as WebSocket,
		random: () => 1,
	});
	return { socket, heard, states, revoked };
}

beforeEach(() => {
	Line.made = [];
	vi.useFakeTimers();
});
afterEach(() => vi.useRealTimers());

describe('the socket', () => {
	it('is connected when the server is ready, not before', () => {
		const { socket, states } = made();
		socket.start();
		expect(states).toEqual(['connecting']);
		Line.last.says(ready);
		expect(states.at(-1)).toBe('connected');
		socket.stop();
		expect(Line.last.closedByUs).toBe(true);
	});

	it('matches answers with what was asked', async () => {
		const { socket } = made();
		socket.start();
		Line.last.says(ready);
		const first = socket.ask({ type: 'ping' });
		const second = socket.ask({ type: 'delete_message', message_id: '1' });
		const refs = Line.last.sent.map((s) => JSON.parse(s).ref as string);
		Line.last.says({ type: 'error', ref: refs[1], code: 'rate_limited', message: 'Slow down.', retry_after_ms: 500 });
		Line.last.says({ type: 'ok', ref: refs[0], last_seq: 7 });
		await expect(first).resolves.toMatchObject({ last_seq: 7 });
		await expect(second).rejects.toMatchObject({ code: 'rate_limited', retryAfter: 500 });
		await expect(second).rejects.toBeInstanceOf(ApiError);
		socket.stop();
	});

	it('fails what was not answered when the line ends, and what is asked without a line', async () => {
		const { socket } = made();
		await expect(socket.ask({ type: 'ping' })).rejects.toBeInstanceOf(NetworkError);
		socket.start();
		Line.last.says(ready);
		const asked = socket.ask({ type: 'ping' });
		Line.last.ends();
		await expect(asked).rejects.toBeInstanceOf(NetworkError);
		socket.stop();
	});

	it('comes back with growing delays, and at once after it was slow or the network is back', () => {
		const { socket, states } = made();
		socket.start();
		const delays: number[] = [];
		for (let i = 0; i < 5; i++) {
			Line.last.ends();
			const before = Line.made.length;
			let waited = 0;
			while (Line.made.length === before) {
				vi.advanceTimersByTime(100);
				waited += 100;
			}
			delays.push(waited);
		}
		for (let i = 1; i < delays.length; i++) expect(delays[i]).toBeGreaterThanOrEqual(delays[i - 1]!);
		expect(delays.at(-1)).toBeLessThanOrEqual(30_000);
		Line.last.ends();
		const lines = Line.made.length;
		dispatchEvent(new Event('online'));
		expect(Line.made.length).toBe(lines + 1);
		Line.last.says(ready);
		Line.last.ends(4008);
		vi.advanceTimersByTime(1);
		expect(Line.made.length).toBe(lines + 2);
		expect(states.at(-1)).toBe('connecting');
		socket.stop();
	});

	it('does not come back when the login is over', () => {
		for (const end of [() => Line.last.says({ type: 'session_revoked', reason: 'banned' }), () => Line.last.ends(4001, 'banned')]) {
			const { socket, revoked } = made();
			socket.start();
			Line.last.says(ready);
			const lines = Line.made.length;
			end();
			Line.last.ends(4001, 'banned');
			vi.advanceTimersByTime(120_000);
			expect(revoked).toContain('banned');
			expect(Line.made.length).toBe(lines);
			socket.stop();
		}
	});

	it('asks for a sign of life after a silence, and leaves a line that gives none', () => {
		const { socket, states } = made();
		socket.start();
		Line.last.says(ready);
		vi.advanceTimersByTime(30_000);
		expect(Line.last.sent).toContain('{"type":"ping"}');
		Line.last.says({ type: 'pong' });
		vi.advanceTimersByTime(20_000);
		expect(states.at(-1)).toBe('connected');
		vi.advanceTimersByTime(10_000 + 15_000);
		expect(states).toContain('waiting');
		socket.stop();
	});

	it('passes on what the server says by itself', () => {
		const { socket, heard } = made();
		socket.start();
		Line.last.says(ready);
		Line.last.says({ type: 'room_deleted', room_id: '4' });
		expect(heard.map((f) => f.type)).toEqual(['ready', 'room_deleted']);
		socket.stop();
	});
});
