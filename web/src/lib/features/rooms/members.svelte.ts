// The members of one room, as far as they were loaded, kept current by events.
import { call, type Member } from '$lib/api/client';
import type { ServerFrame } from '$lib/api/frames';
import { app } from '$lib/state/app.svelte';

export class Members {
	list = $state.raw<readonly Member[]>([]);
	loading = $state(false);
	error = $state.raw<unknown>(null);
	next = $state<string | null>(null);
	loaded = $state(false);

	constructor(readonly room: string) {}

	/** Loads the first page, or the next. */
	async load(more = false) {
		if (this.loading) return;
		this.loading = true;
		this.error = null;
		try {
			const page = await call('GET /rooms/{id}/members', { path: { id: this.room }, query: { limit: 100, cursor: more ? (this.next ?? undefined) : undefined } });
			for (const member of page.members) app.people.learn(member.user);
			const known = new Set(more ? this.list.map((x) => x.user.id) : []);
			this.list = [...(more ? this.list : []), ...page.members.filter((x) => !known.has(x.user.id))];
			this.next = page.next_cursor;
			this.loaded = true;
		} catch (err) {
			this.error = err;
		} finally {
			this.loading = false;
		}
	}

	apply(frame: ServerFrame) {
		if (!('room_id' in frame) || frame.room_id !== this.room) return;
		switch (frame.type) {
			case 'user_left':
				this.list = this.list.filter((x) => x.user.id !== frame.user_id);
				break;
			case 'member_updated':
				this.list = this.list.map((x) => (x.user.id === frame.user_id ? { ...x, role: frame.role, muted: frame.muted, muted_until: frame.muted_until } : x));
				break;
			case 'user_joined':
				// whole profiles come with the list
				if (!this.list.some((x) => x.user.id === frame.user.id)) void this.load();
				break;
		}
	}
}
