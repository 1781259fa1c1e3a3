// Messages on their way: shown at once, kept across reloads, sent in order, and exactly once by their nonce.
import { openDB, type DBSchema, type IDBPDatabase } from 'idb';
import { ApiError, NetworkError, type Attachment, type Message } from '$lib/api/client';
import type { Answer, ClientFrame } from '$lib/api/frames';

/** A message that the server has not acknowledged. */
export interface Pending {
	nonce: string;
	room_id: string;
	content: string;
	parent_id: string | null;
	attachments: Attachment[];
	created_at: string;
	/** Set when the server refused it: it waits for the person. */
	failed: { code: string; detail: string } | null;
}

interface Store extends DBSchema {
	pending: { key: string; value: Pending & { user: string } };
}

// The server remembers nonces for 24 hours; what is older might be stored twice if sent again by itself.
const nonceLife = 23 * 3600 * 1000;

export interface OutboxOptions {
	ask: (frame: ClientFrame) => Promise<Answer>;
	connected: () => boolean;
	/** In slow mode the person has to wait this many milliseconds more. */
	slowed?: (room: string, ms: number) => void;
	/** The server's state of a message that was sent. */
	sent: (message: Message) => void;
	database?: string;
}

export class Outbox {
	#all = $state.raw<readonly Pending[]>([]);
	#options: OutboxOptions;
	#db: Promise<IDBPDatabase<Store>> | null = null;
	#user = '';
	#running = false;
	#again = false; // something came while a run was ending
	#wait: ReturnType<typeof setTimeout> | undefined;

	constructor(options: OutboxOptions) {
		this.#options = options;
	}

	in(room: string): readonly Pending[] {
		return this.#all.filter((p) => p.room_id === room);
	}

	get size() {
		return this.#all.length;
	}

	/** Reads what an earlier page of this person left. */
	async start(user: string) {
		this.#user = user;
		this.#db = openDB<Store>(this.#options.database ?? 'outbox', 1, { upgrade: (db) => void db.createObjectStore('pending', { keyPath: 'nonce' }) });
		try {
			const kept = (await (await this.#db).getAll('pending')).filter((p) => p.user === user);
			const known = new Set(this.#all.map((p) => p.nonce));
			const old = Date.now() - nonceLife;
			const back = kept.filter((p) => !known.has(p.nonce)).map((p) => (Date.parse(p.created_at) < old ? { ...p, failed: { code: 'too_old', detail: '' } } : p));
			this.#all = [...back, ...this.#all].sort((a, b) => a.created_at.localeCompare(b.created_at));
		} catch {
			this.#db = null; // a private window may have no database: sends are kept in memory then
		}
		this.flush();
	}

	stop() {
		clearTimeout(this.#wait);
		this.#user = '';
		this.#all = [];
	}

	async add(message: Pick<Pending, 'room_id' | 'content' | 'parent_id' | 'attachments'>): Promise<Pending> {
		const pending: Pending = { ...message, nonce: crypto.randomUUID(), created_at: new Date().toISOString(), failed: null };
		this.#all = [...this.#all, pending];
		await this.#keep(pending);
		this.flush();
		return pending;
	}

	retry(nonce: string) {
		const p = this.#all.find((p) => p.nonce === nonce);
		if (!p) return;
		const again: Pending = { ...p, failed: null };
		if (p.failed?.code === 'too_old') {
			// the person decided: it is a new message
			this.drop(nonce);
			void this.add(p);
			return;
		}
		this.#all = this.#all.map((q) => (q.nonce === nonce ? again : q));
		void this.#keep(again);
		this.flush();
	}

	/** Forgets a message: the person gave up, or it has arrived. */
	drop(nonce: string) {
		if (!this.#all.some((p) => p.nonce === nonce)) return;
		this.#all = this.#all.filter((p) => p.nonce !== nonce);
		void this.#db?.then((db) => db.delete('pending', nonce)).catch(() => {});
	}

	/** Sends what waits, oldest first. Does nothing while there is no connection or a send is under way. */
	flush() {
		if (this.#running) {
			this.#again = true;
			return;
		}
		this.#running = true;
		this.#again = false;
		const run = () => this.#run();
		// two windows share what is kept; one at a time sends, and the nonce settles the rest
		const done = navigator.locks ? navigator.locks.request(`outbox-${this.#user}`, { ifAvailable: true }, (lock) => (lock ? run() : this.#later(1000))) : run();
		void Promise.resolve(done).finally(() => {
			this.#running = false;
			if (this.#again) this.flush();
		});
	}

	async #run() {
		for (;;) {
			const next = this.#all.find((p) => !p.failed);
			if (!next || !this.#options.connected()) return;
			try {
				const answer = await this.#options.ask({
					type: 'send_message',
					room_id: next.room_id,
					content: next.content,
					nonce: next.nonce,
					...(next.parent_id ? { parent_id: next.parent_id } : {}),
					...(next.attachments.length ? { attachments: next.attachments.map((a) => a.id) } : {}),
				});
				if (answer.message) this.#options.sent(answer.message);
				this.drop(next.nonce);
			} catch (err) {
				if (err instanceof NetworkError) return; // it goes again after the connection is back
				const e = err instanceof ApiError ? err : new ApiError(0, 'unknown', String(err));
				if (e.retryAfter !== null && e.retryAfter <= 60_000 && e.code !== 'slow_mode') {
					this.#later(e.retryAfter);
					return;
				}
				if (e.code === 'unavailable' || e.code === 'internal') {
					this.#later(3000);
					return;
				}
				if (e.code === 'slow_mode' && e.retryAfter) this.#options.slowed?.(next.room_id, e.retryAfter);
				const refused: Pending = { ...next, failed: { code: e.code, detail: e.detail } };
				this.#all = this.#all.map((p) => (p.nonce === next.nonce ? refused : p));
				await this.#keep(refused);
			}
		}
	}

	#later(ms: number) {
		clearTimeout(this.#wait);
		this.#wait = setTimeout(() => this.flush(), ms);
	}

	async #keep(p: Pending) {
		try {
			await (await this.#db)?.put('pending', { ...p, attachments: [...p.attachments], user: this.#user });
		} catch {
			// kept in memory only
		}
	}
}
