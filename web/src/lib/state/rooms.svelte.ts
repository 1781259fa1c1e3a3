// The rooms of the person, with what is unread in them.
import type { Message, Room } from '$lib/api/client';
import type { ServerFrame } from '$lib/api/frames';

export class Rooms {
	#all = $state.raw<ReadonlyMap<string, Room>>(new Map());
	/** Whether the list has come from the server. */
	loaded = $state(false);

	#sorted = $derived(
		[...this.#all.values()].sort(
			(a, b) => (b.last_message_at ?? b.created_at).localeCompare(a.last_message_at ?? a.created_at) || a.name.localeCompare(b.name),
		),
	);

	/** Newest message first. */
	get list(): readonly Room[] {
		return this.#sorted;
	}

	favourites = $derived(this.#sorted.filter((r) => r.me?.favourite));
	direct = $derived(this.#sorted.filter((r) => r.type === 'direct' && !r.me?.favourite));
	shared = $derived(this.#sorted.filter((r) => r.type !== 'direct' && !r.official && !r.me?.favourite));

	/** What waits in all rooms that are not silenced. */
	unread = $derived(this.#sorted.reduce((n, r) => n + (r.me && r.me.notify !== 'muted' ? r.me.unread_count : 0), 0));
	mentions = $derived(this.#sorted.reduce((n, r) => n + (r.me ? (r.type === 'direct' && r.me.notify !== 'muted' ? r.me.unread_count : r.me.mention_count) : 0), 0));

	get(id: string): Room | undefined {
		return this.#all.get(id);
	}

	bySlug(slug: string): Room | undefined {
		const wanted = slug.toLowerCase();
		return this.#sorted.find((r) => r.slug?.toLowerCase() === wanted);
	}

	directWith(user: string): Room | undefined {
		return this.#sorted.find((r) => r.peer?.id === user);
	}

	replaceAll(rooms: readonly Room[]) {
		this.#all = new Map(rooms.map((r) => [r.id, r]));
		this.loaded = true;
	}

	put(room: Room) {
		const before = this.#all.get(room.id);
		// an event for everyone says nothing of the reader's own membership
		this.#set({ ...room, me: room.me ?? before?.me ?? null, peer: room.peer ?? before?.peer ?? null });
	}

	remove(id: string) {
		const next = new Map(this.#all);
		if (next.delete(id)) this.#all = next;
	}

	/** Applies what the server told; `me` is the reader's id. */
	apply(frame: ServerFrame, me: string) {
		switch (frame.type) {
			case 'room_added':
				this.#set(frame.room);
				break;
			case 'room_updated':
				if (this.#all.has(frame.room.id)) this.put(named(frame.room, this.#all.get(frame.room.id)));
				break;
			case 'room_removed':
			case 'room_deleted':
				this.remove(frame.room_id);
				break;
			case 'message_created':
				this.#created(frame.message, me);
				break;
			case 'room_changes':
				this.#change(frame.room_id, (r) => ({ ...r, last_seq: Math.max(r.last_seq, frame.last_seq) }));
				break;
			case 'unread_updated':
				this.#change(frame.room_id, (r) =>
					r.me
						? { ...r, me: { ...r.me, unread_count: frame.unread_count, mention_count: frame.mention_count, last_read_seq: frame.last_read_seq } }
						: r,
				);
				break;
			case 'member_updated':
				if (frame.user_id !== me) break;
				this.#change(frame.room_id, (r) =>
					r.me ? { ...r, me: { ...r.me, role: frame.role, muted: frame.muted, muted_until: frame.muted_until } } : r,
				);
				break;
			case 'user_joined':
				this.#change(frame.room_id, (r) => ({ ...r, member_count: r.member_count + 1 }));
				break;
			case 'user_left':
				this.#change(frame.room_id, (r) => ({ ...r, member_count: Math.max(0, r.member_count - 1) }));
				break;
			case 'user_updated':
				for (const r of this.#all.values()) {
					if (r.peer?.id === frame.user.id) this.#set({ ...r, peer: frame.user, name: frame.user.display_name, avatar_url: frame.user.avatar_url });
				}
				break;
		}
	}

	/** The person may write in a room with slow mode at this time, and not before. */
	slowed(id: string, until: number) {
		this.#change(id, (r) => (r.me ? { ...r, me: { ...r.me, slow_mode_until: new Date(until).toISOString() } } : r));
	}

	#created(msg: Message, me: string) {
		this.#change(msg.room_id, (r) => {
			if (msg.seq <= r.last_seq && r.last_message_at && msg.created_at <= r.last_message_at) return r;
			const next = { ...r, last_seq: Math.max(r.last_seq, msg.change_seq), last_message_at: msg.created_at };
			if (!r.me) return next;
			if (msg.sender?.id === me) {
				// what one sends, one has read up to
				next.me = { ...r.me, unread_count: 0, mention_count: 0, last_read_seq: Math.max(r.me.last_read_seq, msg.seq) };
				if (r.slow_mode_seconds) next.me.slow_mode_until = new Date(Date.now() + r.slow_mode_seconds * 1000).toISOString();
			} else if (msg.seq > r.me.last_read_seq && msg.type !== 'system') {
				next.me = {
					...r.me,
					unread_count: r.me.unread_count + 1,
					mention_count: r.me.mention_count + (msg.mentions.includes(me) ? 1 : 0),
				};
			}
			return next;
		});
	}

	#change(id: string, fn: (room: Room) => Room) {
		const before = this.#all.get(id);
		if (!before) return;
		const after = fn(before);
		if (after !== before) this.#set(after);
	}

	#set(room: Room) {
		this.#all = new Map(this.#all).set(room.id, room);
	}
}

/** A direct room bears the name of the other person, which an event for both cannot. */
function named(room: Room, before: Room | undefined): Room {
	if (room.type !== 'direct' || !before) return room;
	return { ...room, name: before.name, avatar_url: before.avatar_url };
}
