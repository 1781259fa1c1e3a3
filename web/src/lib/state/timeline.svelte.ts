// A part of one room's history, kept current: a stretch of messages without holes, which grows at both ends.
//
// Messages come from pages, from events and from answers to own actions. Whatever the order they arrive in, the newest state of each
// message wins by change_seq, and the stretch never gets a hole: an event past its end only says that there is more.
import { call, type Message, type MessagePage, type UserSummary } from '$lib/api/client';

/** Where to open the history. */
export type Place = { at: 'newest' } | { at: 'unread'; seq: number } | { at: 'message'; id: string } | { at: 'date'; time: string };

const pageSize = 50;

export class Timeline {
	/** Oldest first; replaced, never changed. */
	messages = $state.raw<readonly Message[]>([]);
	hasBefore = $state(false);
	hasAfter = $state(false);
	/** What is being loaded now. */
	loading = $state<'open' | 'before' | 'after' | null>(null);
	/** Why opening failed, or loading more. */
	error = $state.raw<unknown>(null);
	/** Whether a page has been shown. */
	opened = $state(false);
	/** What the reader had read when the history was opened: the "new messages" line stands after it. Null: no line. */
	newAfterSeq = $state<number | null>(null);
	/** Grows with every jump; with the message to show, if there is one. */
	target = $state.raw<{ n: number; id: string | null; place: Place }>({ n: 0, id: null, place: { at: 'newest' } });

	/** The room's counter up to which every change has been applied; null until the history was opened. */
	lastChange: number | null = null;

	#index = new Map<string, number>();
	#abort: AbortController | null = null;
	#learn: (message: Message) => void;
	/** Changes that came while a page was on its way. */
	#meanwhile: Message[] | null = null;

	constructor(
		readonly room: string,
		learn: (message: Message) => void = () => {},
	) {
		this.#learn = learn;
	}

	get(id: string): Message | undefined {
		const i = this.#index.get(id);
		return i === undefined ? undefined : this.messages[i];
	}

	indexOf(id: string): number {
		return this.#index.get(id) ?? -1;
	}

	/** Shows a place of the history, loading it if it is not there. lastSeq is the room's counter as far as the caller knows it. */
	async open(place: Place): Promise<void> {
		if (place.at === 'message' && this.#index.has(place.id)) return this.#aim(place.id, place);
		if (place.at === 'newest' && this.opened && !this.hasAfter) return this.#aim(null, place);
		const page = await this.#load('open', query(place));
		if (!page) return;
		this.#replace(page.messages);
		this.hasBefore = page.has_before;
		this.hasAfter = page.has_after;
		this.opened = true;
		this.#aim(aimOf(place, page), place);
	}

	async loadBefore(): Promise<void> {
		const first = this.messages[0];
		if (!first || !this.hasBefore || this.loading) return;
		const page = await this.#load('before', { before: first.id });
		if (!page) return;
		this.#merge(page.messages, 'before');
		this.hasBefore = page.has_before;
	}

	async loadAfter(): Promise<void> {
		const last = this.messages.at(-1);
		if (!last || !this.hasAfter || this.loading) return;
		const page = await this.#load('after', { after: last.id });
		if (!page) return;
		this.#merge(page.messages, 'after');
		this.hasAfter = page.has_after;
	}

	/** Forgets everything: the next open loads anew. */
	reset() {
		this.#abort?.abort();
		this.#abort = null;
		this.loading = null;
		this.#set([]);
		this.hasBefore = this.hasAfter = this.opened = false;
		this.lastChange = null;
	}

	/** A message was stored, or its state changed. */
	put(message: Message) {
		this.#meanwhile?.push(message);
		this.#learn(message);
		this.advance(message.change_seq);
		if (!this.opened) return;
		const i = this.#index.get(message.id);
		if (i !== undefined) {
			const before = this.messages[i]!;
			if (before.change_seq > message.change_seq) return;
			this.#set(this.messages.with(i, keep(before, message)));
			return;
		}
		if (message.seq !== message.change_seq && !this.#within(message)) return; // an old message outside of the stretch
		this.#countReply(message);
		const last = this.messages.at(-1);
		if (last && message.seq < last.seq) {
			if (this.#within(message)) this.#set(sorted([...this.messages, message]));
		} else if (this.hasAfter) {
			return; // the end of the stretch is not the end of the room
		} else {
			this.#set([...this.messages, message]);
		}
	}

	/** A message became a tombstone. */
	remove(id: string, changeSeq: number) {
		this.advance(changeSeq);
		const i = this.#index.get(id);
		if (i === undefined) return;
		const before = this.messages[i]!;
		this.#set(
			this.messages.with(i, { ...before, deleted: true, content: '[deleted]', attachments: [], reactions: [], links: [], mentions: [], pinned: false, change_seq: changeSeq }),
		);
	}

	/** Someone reacted, or took it back; `mine` says that it was the reader. */
	react(id: string, emoji: string, count: number, changeSeq: number, added: boolean, mine: boolean) {
		this.advance(changeSeq);
		const i = this.#index.get(id);
		if (i === undefined) return;
		const before = this.messages[i]!;
		if (before.change_seq >= changeSeq) return;
		const had = before.reactions.find((r) => r.emoji === emoji);
		const me = mine ? added : (had?.me ?? false);
		const reactions = had
			? before.reactions.map((r) => (r.emoji === emoji ? { emoji, count, me } : r)).filter((r) => r.count > 0)
			: count > 0
				? [...before.reactions, { emoji, count, me }]
				: before.reactions;
		this.#set(this.messages.with(i, { ...before, reactions, change_seq: changeSeq }));
	}

	/** A person's name or picture changed. */
	rename(user: UserSummary) {
		if (!this.messages.some((m) => m.sender?.id === user.id)) return;
		const { id, username, display_name, avatar_url, bot, rank } = user;
		this.#set(this.messages.map((m) => (m.sender?.id === id ? { ...m, sender: { id, username, display_name, avatar_url, bot, rank } } : m)));
	}

	/** Every change up to this one has been applied, or concerns nothing that is shown. */
	advance(changeSeq: number) {
		if (this.lastChange === null || changeSeq > this.lastChange) this.lastChange = changeSeq;
	}

	#within(m: Message): boolean {
		const first = this.messages[0];
		const last = this.messages.at(-1);
		return !!first && !!last && (m.seq > first.seq || !this.hasBefore) && m.seq < last.seq;
	}

	/** A reply moves the counters of its thread's first message without a change of that. */
	#countReply(reply: Message) {
		if (!reply.parent_id || reply.seq !== reply.change_seq) return;
		let root = this.get(reply.parent_id);
		for (let depth = 0; root?.parent_id && depth < 50; depth++) root = this.get(root.parent_id) ?? undefined;
		if (!root) return;
		const i = this.#index.get(root.id)!;
		const thread = { reply_count: (root.thread?.reply_count ?? 0) + 1, last_reply_at: reply.created_at };
		this.messages = this.messages.with(i, { ...root, thread });
	}

	async #load(what: 'open' | 'before' | 'after', q: Record<string, string | number>): Promise<MessagePage | null> {
		if (what === 'open') this.#abort?.abort();
		const abort = new AbortController();
		this.#abort = abort;
		this.loading = what;
		this.error = null;
		const meanwhile: Message[] = [];
		this.#meanwhile = meanwhile;
		try {
			const page = await call('GET /rooms/{id}/messages', { path: { id: this.room }, query: { limit: pageSize, ...q }, signal: abort.signal });
			if (this.#abort !== abort) return null;
			for (const m of page.messages) {
				this.#learn(m);
				this.advance(m.change_seq);
			}
			const newer = new Map(meanwhile.map((m) => [m.id, m]));
			const last = page.messages.at(-1);
			page.messages = page.messages.map((m) => newest(m, newer.get(m.id)));
			if (!page.has_after) for (const m of newer.values()) if (m.seq > (last?.seq ?? 0) && what !== 'before') page.messages.push(m);
			return page;
		} catch (err) {
			if (this.#abort === abort) this.error = err;
			return null;
		} finally {
			if (this.#abort === abort) {
				this.loading = null;
				this.#abort = null;
				this.#meanwhile = null;
			}
		}
	}

	#aim(id: string | null, place: Place) {
		this.target = { n: this.target.n + 1, id, place };
	}

	#replace(messages: readonly Message[]) {
		this.#set(sorted(messages));
	}

	#merge(messages: readonly Message[], _side: 'before' | 'after') {
		const all = new Map(this.messages.map((m) => [m.id, m]));
		for (const m of messages) all.set(m.id, newest(m, all.get(m.id)));
		this.#set(sorted([...all.values()]));
	}

	#set(messages: readonly Message[]) {
		const old = this.messages;
		this.messages = messages;
		// a message that was appended moves nothing
		if (messages.length === old.length + 1 && old.length > 0 && messages[old.length - 1] === old[old.length - 1]) {
			this.#index.set(messages[old.length]!.id, old.length);
			return;
		}
		if (messages.length === old.length && messages[0]?.id === old[0]?.id && messages.at(-1)?.id === old.at(-1)?.id) return;
		this.#index = new Map(messages.map((m, i) => [m.id, i]));
	}
}

function query(place: Place): Record<string, string | number> {
	switch (place.at) {
		case 'newest':
			return {};
		case 'unread':
			return { around_seq: place.seq };
		case 'message':
			return { around: place.id };
		case 'date':
			return { at: place.time };
	}
}

function aimOf(place: Place, page: MessagePage): string | null {
	switch (place.at) {
		case 'newest':
			return null;
		case 'message':
			return page.messages.some((m) => m.id === place.id) ? place.id : null;
		case 'unread':
			return page.messages.find((m) => m.seq >= place.seq)?.id ?? null;
		case 'date':
			return (page.messages.find((m) => m.created_at >= place.time) ?? page.messages.at(-1))?.id ?? null;
	}
}

const sorted = (messages: readonly Message[]): Message[] => [...messages].sort((a, b) => a.seq - b.seq);

function newest(a: Message, b: Message | undefined): Message {
	return b && b.change_seq > a.change_seq ? keep(a, b) : a;
}

/** An event for everyone cannot say which reactions are the reader's own, nor what only the answer to a page counts. */
function keep(before: Message, after: Message): Message {
	const mine = new Set(before.reactions.filter((r) => r.me).map((r) => r.emoji));
	return {
		...after,
		reactions: mine.size ? after.reactions.map((r) => (mine.has(r.emoji) && !r.me ? { ...r, me: true } : r)) : after.reactions,
		thread: (after.thread?.reply_count ?? 0) >= (before.thread?.reply_count ?? 0) ? after.thread : before.thread,
	};
}
