// A part of one history, that of a room or of a thread, kept current: a stretch of messages without holes, which grows at both ends.
//
// Messages come from pages, from events and from answers to own actions. Whatever the order they arrive in, the newest state of each
// message wins by change_seq, and the stretch never gets a hole: an event past its end only says that there is more.
import type { Frame } from '$lib/api/frames';
import { call, type ChangeList, type Message, type MessagePage, type UserSummary } from '$lib/api/client';

/** Where to open the history. */
export type Place = { at: 'newest' } | { at: 'unread'; seq: number } | { at: 'message'; id: string } | { at: 'date'; time: string };

export interface TimelineOptions {
	/** Told of every message that is kept, for the people in it. */
	learn?: (message: Message) => void;
	/** The first message of the thread that this is the history of. */
	thread?: string;
	/** Names the connection that the room's events arrive by now, or is empty. A page that was asked for before may have missed some. */
	live?: () => string;
}

const pageSize = 50;

/** What a stretch may grow to; its far end is forgotten then, and loaded again when it is scrolled to. */
const longest = 10_000;
const forgotten = 2_000;

export class Timeline {
	/** Oldest first; replaced, never changed. */
	messages = $state.raw<readonly Message[]>([]);
	hasBefore = $state(false);
	hasAfter = $state(false);
	/** What is being loaded now. */
	loading = $state<'open' | 'before' | 'after' | null>(null);
	/** Why opening failed, or loading more; `failed` says which. */
	error = $state.raw<unknown>(null);
	failed = $state<'open' | 'before' | 'after' | null>(null);
	/** Whether a page has been shown. */
	opened = $state(false);
	/** What the reader had read when the history was opened: the "new messages" line stands after it. Null: no line. */
	newAfterSeq = $state<number | null>(null);
	/** Grows with every jump; with the message to show, if there is one. */
	target = $state.raw<{ n: number; id: string | null; place: Place }>({ n: 0, id: null, place: { at: 'newest' } });

	/** The room's counter up to which every change to what is shown has been applied; null until the history was opened. */
	lastChange: number | null = null;

	readonly thread: string | null;
	#index = new Map<string, number>();
	#abort: AbortController | null = null;
	#learn: (message: Message) => void;
	#live: () => string;
	/** Events that came while a page was on its way: the page may be older than they are. */
	#meanwhile: (() => void)[] | null = null;
	#wanted: Place = { at: 'newest' };

	constructor(
		readonly room: string,
		options: TimelineOptions = {},
	) {
		this.thread = options.thread ?? null;
		this.#learn = options.learn ?? (() => {});
		this.#live = options.live ?? (() => 'always');
	}

	get(id: string): Message | undefined {
		const i = this.#index.get(id);
		return i === undefined ? undefined : this.messages[i];
	}

	indexOf(id: string): number {
		return this.#index.get(id) ?? -1;
	}

	/** Shows a place of the history, loading it if it is not there. Fails silently: see error. */
	async open(place: Place): Promise<void> {
		if (place.at === 'message' && this.#index.has(place.id)) return this.#aim(place.id, place);
		if (place.at === 'newest' && this.opened && !this.hasAfter && !this.#abort) return this.#aim(null, place);
		const there = this.#there(place);
		if (there) return this.#aim(there.id, place);
		this.#wanted = place;
		const live = this.#live();
		const loaded = await this.#load('open', query(place));
		if (!loaded) return;
		const { page, replay } = loaded;
		this.#set(sorted(page.messages));
		this.hasBefore = page.has_before;
		this.hasAfter = page.has_after;
		this.opened = true;
		for (const m of page.messages) this.#advance(m.change_seq);
		replay();
		this.#aim(aimOf(place, page), place);
		if (!live || live !== this.#live()) await this.#catchUp(Math.max(0, ...page.messages.map((m) => m.change_seq)));
	}

	/** The message to show for a place in the stretch. */
	#there(place: Place): Message | undefined {
		if (place.at !== 'unread' && place.at !== 'date') return undefined;
		const reached = (m: Message) => (place.at === 'unread' ? m.seq >= place.seq : m.created_at >= place.time);
		const i = this.messages.findIndex(reached);
		return i > 0 || (i === 0 && !this.hasBefore) ? this.messages[i] : undefined;
	}

	async loadBefore(): Promise<void> {
		const first = this.messages[0];
		if (!first || !this.hasBefore || this.loading) return;
		const loaded = await this.#load('before', { before: first.id });
		if (!loaded) return;
		this.#merge(loaded.page.messages);
		this.hasBefore = loaded.page.has_before;
		loaded.replay();
	}

	async loadAfter(): Promise<void> {
		const last = this.messages.at(-1);
		if (!last || !this.hasAfter || this.loading) return;
		const loaded = await this.#load('after', { after: last.id });
		if (!loaded) return;
		this.#merge(loaded.page.messages);
		this.hasAfter = loaded.page.has_after;
		loaded.replay();
	}

	/** Tries again what failed. */
	retry(): Promise<void> {
		const what = this.failed;
		this.error = null;
		this.failed = null;
		if (what === 'before') return this.loadBefore();
		if (what === 'after') return this.loadAfter();
		return this.open(this.#wanted);
	}

	/**
	 * Bounds what is kept, taking from the end that is farther from the one that is read. Does nothing until there is much more than a
	 * person looks through.
	 */
	trim(reading: 'start' | 'end') {
		if (this.messages.length <= longest) return;
		if (reading === 'end') {
			this.#set(this.messages.slice(forgotten));
			this.hasBefore = true;
		} else {
			this.#set(this.messages.slice(0, -forgotten));
			this.hasAfter = true;
		}
	}

	/** Forgets everything: the next open loads anew. */
	reset() {
		this.#abort?.abort();
		this.#abort = null;
		this.#meanwhile = null;
		this.loading = null;
		this.error = null;
		this.failed = null;
		this.#set([]);
		this.hasBefore = this.hasAfter = this.opened = false;
		this.lastChange = null;
	}

	/** An event: a message was stored, or its state changed. `personal`: it was made for this reader, and its reactions know which are theirs. */
	put(message: Message, personal = false) {
		this.#advance(message.change_seq);
		this.#meanwhile?.push(() => this.#apply(message, personal));
		this.#apply(message, personal);
	}

	/** The answer to an own action. It may overtake the events of changes before it, so it says nothing of them. */
	own(message: Message) {
		this.#meanwhile?.push(() => this.#apply(message, true));
		this.#apply(message, true);
	}

	/** An event: a message became a tombstone. */
	remove(id: string, changeSeq: number) {
		this.#advance(changeSeq);
		const apply = () =>
			this.#change(id, changeSeq, (m) => ({
				...m,
				deleted: true,
				content: '',
				attachments: [],
				reactions: [],
				links: [],
				mentions: [],
				pinned: false,
			}));
		this.#meanwhile?.push(apply);
		apply();
	}

	/** An event: someone reacted, or took it back; `mine` says that it was the reader. */
	react(id: string, emoji: string, count: number, changeSeq: number, added: boolean, mine: boolean) {
		this.#advance(changeSeq);
		const apply = () =>
			this.#change(id, changeSeq, (m) => {
				const had = m.reactions.find((r) => r.emoji === emoji);
				const me = mine ? added : (had?.me ?? false);
				const reactions = had
					? m.reactions.map((r) => (r.emoji === emoji ? { emoji, count, me } : r)).filter((r) => r.count > 0)
					: count > 0
						? [...m.reactions, { emoji, count, me }]
						: m.reactions;
				return { ...m, reactions };
			});
		this.#meanwhile?.push(apply);
		apply();
	}

	/** An event: somebody voted in a poll, or it was ended. Who voted for what is told to each voter alone. */
	tally(frame: Frame<'poll_voted' | 'poll_ended'>) {
		this.#advance(frame.change_seq);
		const apply = () =>
			this.#change(frame.message_id, frame.change_seq, (m) => {
				if (!m.poll) return m;
				const options = m.poll.options.map((o) => ({
					...o,
					votes: frame.options.find((x) => x.id === o.id)?.votes ?? o.votes,
					me: frame.me ? frame.me.options.includes(o.id) : o.me,
				}));
				return { ...m, poll: { ...m.poll, options, votes: frame.votes, voters: frame.voters, ended_at: frame.ended_at } };
			});
		this.#meanwhile?.push(apply);
		apply();
	}

	/** A person's name or picture changed. */
	rename(user: UserSummary) {
		if (!this.messages.some((m) => m.sender?.id === user.id)) return;
		const { id, username, display_name, avatar_url, bot, rank } = user;
		const sender = { id, username, display_name, avatar_url, bot, rank };
		this.#set(this.messages.map((m) => (m.sender?.id === id ? { ...m, sender } : m)));
	}

	/** Every change up to this one has been applied, or concerns nothing that is shown. */
	advance(changeSeq: number) {
		this.#advance(changeSeq);
	}

	#advance(changeSeq: number) {
		if (this.lastChange === null || changeSeq > this.lastChange) this.lastChange = changeSeq;
	}

	#apply(message: Message, personal = false) {
		this.#learn(message);
		if (!this.opened) return;
		const i = this.#index.get(message.id);
		if (i !== undefined) {
			const before = this.messages[i]!;
			if (before.change_seq < message.change_seq || (before.change_seq === message.change_seq && personal)) {
				this.#set(this.messages.with(i, keep(before, message, personal)));
			}
			return;
		}
		this.#countReply(message);
		if (!this.#holds(message)) return;
		const first = this.messages[0];
		const last = this.messages.at(-1);
		if (last ? message.seq > last.seq : true) {
			if (!this.hasAfter) this.#set([...this.messages, message]); // else the end of the stretch is not the end of the history
		} else if (message.seq > first!.seq || !this.hasBefore) {
			this.#set(sorted([...this.messages, message]));
		}
	}

	/** Whether a message is part of this history. */
	#holds(message: Message): boolean {
		if (!this.thread) return true;
		return !!message.parent_id && (message.parent_id === this.thread || this.#index.has(message.parent_id));
	}

	#change(id: string, changeSeq: number, fn: (before: Message) => Message) {
		const i = this.#index.get(id);
		if (i === undefined) return;
		const before = this.messages[i]!;
		if (before.change_seq >= changeSeq) return;
		this.#set(this.messages.with(i, { ...fn(before), change_seq: changeSeq }));
	}

	/** A reply moves the counters of its thread's first message without a change of that. */
	#countReply(reply: Message) {
		if (!reply.parent_id || this.thread) return;
		let root = this.get(reply.parent_id);
		for (let depth = 0; root?.parent_id && depth < 50; depth++) root = this.get(root.parent_id);
		if (!root || (root.thread?.last_reply_at ?? '') >= reply.created_at) return; // counted already: times of a room only grow
		const thread = { reply_count: (root.thread?.reply_count ?? 0) + 1, last_reply_at: reply.created_at };
		this.#set(this.messages.with(this.#index.get(root.id)!, { ...root, thread }));
	}

	async #load(
		what: 'open' | 'before' | 'after',
		q: Record<string, string | number>,
	): Promise<{ page: MessagePage; replay: () => void } | null> {
		if (what === 'open') this.#abort?.abort();
		const abort = new AbortController();
		this.#abort = abort;
		this.loading = what;
		this.error = null;
		this.failed = null;
		const meanwhile: (() => void)[] = [];
		this.#meanwhile = meanwhile;
		const input = { query: { limit: pageSize, ...q }, signal: abort.signal };
		try {
			const page = this.thread
				? await call('GET /messages/{id}/thread', { path: { id: this.thread }, ...input })
				: await call('GET /rooms/{id}/messages', { path: { id: this.room }, ...input });
			if (this.#abort !== abort) return null;
			for (const m of page.messages) this.#learn(m);
			return { page, replay: () => meanwhile.forEach((apply) => apply()) };
		} catch (err) {
			if (this.#abort === abort) {
				this.error = err;
				this.failed = what;
			}
			return null;
		} finally {
			if (this.#abort === abort) {
				this.loading = null;
				this.#abort = null;
				this.#meanwhile = null;
			}
		}
	}

	/** Reads what changed between a page and the first event that arrives. */
	async #catchUp(since: number) {
		try {
			for (let more = true; more; ) {
				const changes: ChangeList = await call('GET /rooms/{id}/changes', { path: { id: this.room }, query: { since: String(since), limit: 100 } });
				for (const m of changes.messages) this.#apply(m, true);
				since = changes.messages.at(-1)?.change_seq ?? changes.last_seq;
				more = changes.truncated && changes.messages.length > 0;
			}
		} catch {
			// the next connection catches up
		}
	}

	#aim(id: string | null, place: Place) {
		this.target = { n: this.target.n + 1, id, place };
	}

	#merge(messages: readonly Message[]) {
		const all = new Map(this.messages.map((m) => [m.id, m]));
		for (const m of messages) {
			const known = all.get(m.id);
			all.set(m.id, !known ? m : known.change_seq >= m.change_seq ? known : keep(known, m, true));
		}
		this.#set(sorted([...all.values()]));
	}

	#set(messages: readonly Message[]) {
		const old = this.messages;
		this.messages = messages;
		// a message that was appended or replaced moves nothing
		if (messages.length === old.length + 1 && old.length > 0 && messages[old.length - 1]!.id === old.at(-1)!.id && messages[0]!.id === old[0]!.id) {
			this.#index.set(messages[old.length]!.id, old.length);
			return;
		}
		if (messages.length === old.length && messages.length > 0 && messages[0]!.id === old[0]!.id && messages.at(-1)!.id === old.at(-1)!.id) return;
		this.#index = new Map(messages.map((m, i) => [m.id, i]));
	}
}

function query(place: Place): Record<string, string | number> {
	switch (place.at) {
		case 'newest':
			return {};
		case 'unread':
			return { around_seq: Math.max(1, place.seq) };
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

/** An event for everyone cannot say which reactions and votes are the reader's own, nor what only the answer to a page counts. */
function keep(before: Message, after: Message, personal: boolean): Message {
	const mine = new Set(personal ? [] : before.reactions.filter((r) => r.me).map((r) => r.emoji));
	const nonce = after.nonce ?? before.nonce;
	const { poll } = after;
	const voted = new Set(personal ? [] : before.poll?.options.filter((o) => o.me).map((o) => o.id));
	return {
		...after,
		...(poll && voted.size ? { poll: { ...poll, options: poll.options.map((o) => (voted.has(o.id) ? { ...o, me: true } : o)) } } : {}),
		...(nonce ? { nonce } : {}),
		reactions: mine.size ? after.reactions.map((r) => (mine.has(r.emoji) && !r.me ? { ...r, me: true } : r)) : after.reactions,
		thread: (after.thread?.reply_count ?? 0) >= (before.thread?.reply_count ?? 0) ? after.thread : before.thread,
	};
}
