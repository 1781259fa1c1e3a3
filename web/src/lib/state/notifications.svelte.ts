// The person's notifications, newest first.
import { call, type Notification } from '$lib/api/client';

export class Notifications {
	list = $state.raw<readonly Notification[]>([]);
	unread = $state(0);
	loading = $state(false);
	error = $state.raw<unknown>(null);
	#next: string | null = null;
	#onlyUnread = false;
	#complete = $state(false);
	/** Marked here, by id and when: a page that was on its way may not know yet. */
	#marked = new Map<string, string>();

	get complete() {
		return this.#complete;
	}

	/** Loads the first page anew. */
	async open(onlyUnread: boolean) {
		this.#onlyUnread = onlyUnread;
		this.#next = null;
		this.#complete = false;
		this.list = [];
		await this.more();
	}

	async more() {
		if (this.loading || this.#complete) return;
		this.loading = true;
		this.error = null;
		const filter = this.#onlyUnread;
		try {
			const page = await call('GET /notifications', { query: { unread: filter || undefined, limit: 30, cursor: this.#next ?? undefined } });
			const late = page.notifications.filter((n) => !n.read_at && this.#marked.has(n.id));
			this.unread = Math.max(0, page.unread - late.length);
			if (filter === this.#onlyUnread) {
				const known = new Set(this.list.map((n) => n.id));
				const fresh = page.notifications.filter((n) => !known.has(n.id));
				this.list = [...this.list, ...fresh.map((n) => (late.includes(n) ? { ...n, read_at: this.#marked.get(n.id)! } : n))];
				this.#next = page.next_cursor;
				this.#complete = page.next_cursor === null;
			}
		} catch (err) {
			this.error = err;
		} finally {
			this.loading = false;
		}
		if (filter !== this.#onlyUnread) await this.more(); // the other list was asked for meanwhile
	}

	async count() {
		this.unread = (await call('GET /notifications/unread')).unread;
	}

	came(n: Notification) {
		if (this.list.some((o) => o.id === n.id)) return;
		this.list = [n, ...this.list];
		this.unread++;
	}

	async read(id: string) {
		const n = this.list.find((n) => n.id === id);
		if (n?.read_at) return;
		this.#mark((o) => o.id === id);
		await call('PATCH /notifications/{id}/read', { path: { id } });
	}

	async readAll() {
		await call('PATCH /notifications/read-all');
		this.#mark(() => true);
		this.unread = 0;
	}

	/** What concerns a room that has been read is read. */
	roomRead(room: string) {
		this.#mark((n) => n.room_id === room && n.type !== 'room_invite');
	}

	#mark(which: (n: Notification) => boolean) {
		const now = new Date().toISOString();
		let marked = 0;
		this.list = this.list.map((n) => {
			if (n.read_at || !which(n)) return n;
			marked++;
			this.#marked.set(n.id, now);
			return { ...n, read_at: now };
		});
		this.unread = Math.max(0, this.unread - marked);
	}

	clear() {
		this.#marked.clear();
		this.list = [];
		this.unread = 0;
	}
}
