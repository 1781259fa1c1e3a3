// Puts the state together: logs in and out, keeps the socket, and hands every event to the one who keeps that noun.
import { ApiError, NetworkError, call, onUnauthorized, socketAddress, type Limits, type Message, type Room, type Self, type Server } from '$lib/api/client';
import type { Answer, ClientFrame, ServerFrame } from '$lib/api/frames';
import { Idle } from '$lib/session/idle';
import { Socket, type SocketState } from '$lib/session/socket';
import { Directory } from './directory.svelte';
import { Drafts } from './drafts.svelte';
import { ServerEmoji } from './emoji.svelte';
import { Notifications } from './notifications.svelte';
import { Outbox } from './outbox.svelte';
import { People } from './people.svelte';
import { PreferenceState } from './preferences.svelte';
import { Reads } from './reads.svelte';
import { Rooms } from './rooms.svelte';
import { Timeline } from './timeline.svelte';
import { Typing } from './typing.svelte';

/** starting: not known yet; out: nobody is logged in; in: somebody is; unreachable: the server does not answer. */
export type LoginState = 'starting' | 'out' | 'in' | 'unreachable';

const keptTimelines = 12;

export class App {
	login = $state<LoginState>('starting');
	me = $state.raw<Self | null>(null);
	server = $state.raw<Server | null>(null);
	limits = $state.raw<Limits | null>(null);
	sessionId = $state('');
	/** Why the login ended, for the login page: "banned", "revoked", … */
	ended = $state('');

	connection = $state<SocketState>('stopped');
	retryAt = $state<number | null>(null);

	readonly people = new People();
	readonly rooms = new Rooms();
	readonly directory = new Directory();
	readonly typing = new Typing();
	readonly reads = new Reads();
	readonly notifications = new Notifications();
	readonly preferences = new PreferenceState();
	readonly drafts = new Drafts();
	readonly emoji = new ServerEmoji();
	readonly outbox: Outbox;

	#timelines = new Map<string, Timeline>();
	#threads = new Set<Timeline>();
	#listeners = new Set<(frame: ServerFrame) => void>();
	#socket: Socket;
	#idle = new Idle((idle) => this.tell({ type: 'set_idle', idle }));
	#joined = new Set<string>();
	#again: ReturnType<typeof setTimeout> | undefined;
	#connections = 0;

	constructor() {
		this.#socket = new Socket({
			url: socketAddress,
			frame: (f) => this.#frame(f),
			state: (state, retryAt) => this.#connection(state, retryAt),
			revoked: (reason) => this.#out(reason),
		});
		this.outbox = new Outbox({
			slowed: (room, ms) => this.rooms.slowed(room, Date.now() + ms),
			ask: (f) => this.ask(f),
			connected: () => this.connection === 'connected',
			sent: (message) => this.#sent(message),
		});
		onUnauthorized(() => this.login === 'in' && this.#out('expired'));
	}

	/** Finds out who is logged in. */
	async start() {
		try {
			this.server = await call('GET /server');
			this.limits = this.server.limits;
			this.#in(await call('GET /auth/me'));
		} catch (err) {
			if (err instanceof ApiError && err.status === 401) this.login = 'out';
			else this.login = 'unreachable';
		}
	}

	/** After logging in, registering, or setting the server up. */
	async entered() {
		this.ended = '';
		this.#in(await call('GET /auth/me'));
	}

	async logout() {
		await this.preferences.flush().catch(() => {});
		await call('POST /auth/logout').catch((err) => {
			if (err instanceof NetworkError) throw err; // the login would go on without the person's knowing
		});
		this.#out('');
	}

	/** Asks the server over the socket; see Socket.ask. */
	ask(frame: ClientFrame): Promise<Answer> {
		return this.#socket.ask(frame);
	}

	tell(frame: ClientFrame) {
		this.#socket.tell(frame);
	}

	reconnect() {
		this.#socket.hurry();
	}

	/** Hears every event; returns the way to stop. For what is nobody's state, such as sounds. */
	on(fn: (frame: ServerFrame) => void): () => void {
		this.#listeners.add(fn);
		return () => this.#listeners.delete(fn);
	}

	/** The history of a room. Rooms that were not looked at for long are forgotten. */
	timeline(room: string): Timeline {
		let t = this.#timelines.get(room);
		if (t) this.#timelines.delete(room);
		else t = this.#history(room);
		this.#timelines.set(room, t);
		for (const old of this.#timelines.keys()) {
			if (this.#timelines.size <= keptTimelines) break;
			if (old !== room) this.#timelines.delete(old);
		}
		return t;
	}

	/** The history of a thread, which hears of its room's messages until it is told to stop. */
	thread(room: string, root: string): { timeline: Timeline; stop: () => void } {
		const timeline = this.#history(room, root);
		this.#threads.add(timeline);
		return { timeline, stop: () => this.#threads.delete(timeline) };
	}

	/** Takes the server's answer to an own action, before the event says the same. */
	own(message: Message) {
		this.people.learn(message.sender);
		for (const t of this.#histories(message.room_id)) t.own(message);
	}

	#history(room: string, thread?: string): Timeline {
		return new Timeline(room, {
			thread,
			learn: (m) => this.people.learn(m.sender),
			live: () => (this.connection === 'connected' && this.#joined.has(room) ? this.sessionId + this.#connections : ''),
		});
	}

	*#histories(room: string): Iterable<Timeline> {
		const t = this.#timelines.get(room);
		if (t) yield t;
		for (const t of this.#threads) if (t.room === room) yield t;
	}

	/** Moves the own read marker up to a message. */
	async markRead(room: string, seq: number) {
		const r = this.rooms.get(room);
		if (!r?.me || r.me.last_read_seq >= seq) return;
		this.notifications.roomRead(room);
		const state = await call('POST /rooms/{id}/read', { path: { id: room }, body: { seq } });
		this.rooms.apply(
			{ type: 'unread_updated', room_id: room, unread_count: state.unread_count, mention_count: state.mention_count, last_read_seq: state.last_read_seq },
			this.me?.id ?? '',
		);
		// those of earlier days are not in the list
		if (this.notifications.unread > 0) void this.notifications.count().catch(() => {});
	}

	/** The direct room with a person, made at need. */
	async directRoom(user: string): Promise<Room> {
		const room = await call('POST /rooms/direct', { body: { user_id: user } });
		this.roomAdded(room);
		return room;
	}

	/** A room became the person's by their own doing, before the event says so. */
	roomAdded(room: Parameters<Rooms['put']>[0]) {
		this.rooms.put(room);
		this.#join(room.id);
	}

	#in(me: Self) {
		this.me = me;
		this.people.learn(me);
		this.preferences.adopt(me.settings);
		this.login = 'in';
		this.#socket.start();
		this.#idle.start();
		void this.outbox.start(me.id);
		void this.notifications.count().catch(() => {});
		void this.emoji.load().catch(() => {}); // names are shown until it comes
	}

	#out(reason: string) {
		this.#socket.stop();
		this.#idle.stop();
		this.login = 'out';
		this.ended = reason;
		this.me = null;
		this.sessionId = '';
		this.outbox.stop();
		this.rooms.replaceAll([]);
		this.rooms.loaded = false;
		this.directory.clear();
		this.people.clear();
		this.typing.clear();
		this.reads.clear();
		this.notifications.clear();
		this.emoji.clear();
		clearTimeout(this.#again);
		this.#timelines.clear();
		this.#joined.clear();
	}

	#connection(state: SocketState, retryAt: number | null) {
		const before = this.connection;
		this.connection = state;
		this.retryAt = retryAt;
		if (state === 'connected') this.outbox.flush();
		// a browser does not tell why an upgrade failed: the login may be over
		if (state === 'waiting' && before === 'connecting') void call('GET /auth/me').catch(() => {});
	}

	#sent(message: Message) {
		this.own(message);
		this.rooms.apply({ type: 'message_created', room_id: message.room_id, message }, this.me?.id ?? '');
		this.tell({ type: 'read_message', message_id: message.id });
	}

	#put(message: Message, personal = false) {
		this.people.learn(message.sender);
		for (const t of this.#histories(message.room_id)) t.put(message, personal);
	}

	#frame(frame: ServerFrame) {
		const me = this.me?.id ?? '';
		switch (frame.type) {
			case 'ready':
				this.#ready(frame.user, frame.rooms, frame.limits, frame.session_id);
				break;
			case 'message_created':
				if (frame.message.nonce) this.outbox.drop(frame.message.nonce);
				if (frame.message.sender) this.typing.set(frame.room_id, frame.message.sender.id, false);
				this.#put(frame.message);
				break;
			case 'message_updated':
				this.#put(frame.message);
				break;
			case 'message_deleted':
				for (const t of this.#histories(frame.room_id)) t.remove(frame.message_id, frame.change_seq);
				break;
			case 'reaction_added':
			case 'reaction_removed':
				this.people.learn(frame.user);
				for (const t of this.#histories(frame.room_id)) {
					t.react(frame.message_id, frame.emoji, frame.count, frame.change_seq, frame.type === 'reaction_added', frame.user.id === me);
				}
				break;
			case 'poll_voted':
			case 'poll_ended':
				for (const t of this.#histories(frame.room_id)) t.tally(frame);
				break;
			case 'room_changes':
				this.#changes(frame);
				break;
			case 'user_typing':
				this.typing.set(frame.room_id, frame.user_id, frame.typing);
				break;
			case 'message_read':
			case 'message_delivered':
				this.reads.move(frame.room_id, frame.user_id, frame.seq, frame.type === 'message_delivered');
				break;
			case 'presence_updated':
				this.people.show(frame.user_id, frame.status, frame.status_message);
				break;
			case 'user_updated':
				this.people.learn(frame.user);
				for (const t of [...this.#timelines.values(), ...this.#threads]) t.rename(frame.user);
				if (frame.user.id === me) void this.#refreshMe();
				break;
			case 'mute_updated':
				if (this.me) this.me = { ...this.me, mute: frame.mute };
				break;
			case 'user_joined':
				this.people.learn(frame.user);
				break;
			case 'member_updated':
				// what another device prefers is not told to everyone
				if (frame.user_id === me) void call('GET /rooms/{id}', { path: { id: frame.room_id } }).then((r) => this.rooms.get(r.id) && this.rooms.put(r), () => {});
				break;
			case 'notification':
				this.people.learn(frame.notification.actor);
				this.notifications.came(frame.notification);
				break;
			case 'server_updated':
				this.server = frame.server;
				this.limits = frame.server.limits;
				break;
			case 'resync':
				if (!frame.room_id) {
					// everyone is told at once: not everyone should ask at once
					clearTimeout(this.#again);
					this.#again = setTimeout(() => void this.#readAgain().catch(() => {}), Math.random() * 5000);
					break;
				}
				this.#joined.delete(frame.room_id);
				this.#join(frame.room_id);
				break;
			case 'room_removed':
			case 'room_deleted':
				this.#joined.delete(frame.room_id);
				this.#timelines.delete(frame.room_id);
				break;
		}
		this.rooms.apply(frame, me);
		this.directory.apply(frame, me);
		this.emoji.apply(frame);
		if (frame.type === 'room_added') this.#join(frame.room.id);
		for (const fn of this.#listeners) fn(frame);
	}

	/** Reads what events without a change_seq may have changed: rooms and their counts, notifications, the own account. */
	async #readAgain() {
		const { rooms } = await call('GET /rooms');
		if (this.login !== 'in') return;
		for (const r of rooms) this.people.learn(r.peer);
		this.rooms.replaceAll(rooms);
		for (const id of [...this.#joined]) if (!this.rooms.get(id)) this.#joined.delete(id);
		for (const r of rooms) this.#join(r.id);
		await Promise.all([this.notifications.count(), this.emoji.load(), this.directory.load(), this.#refreshMe()]);
	}

	async #refreshMe() {
		try {
			const me = await call('GET /auth/me');
			if (this.login !== 'in') return;
			this.me = me;
			this.preferences.adopt(me.settings);
		} catch {
			// the next change tells again
		}
	}

	#ready(me: Self, rooms: Room[], limits: Limits, session: string) {
		this.me = me;
		this.limits = limits;
		this.sessionId = session;
		this.people.learn(me);
		this.preferences.adopt(me.settings);
		for (const r of rooms) this.people.learn(r.peer);
		this.rooms.replaceAll(rooms);
		void this.directory.load().catch(() => {});
		this.#joined.clear();
		this.#connections++;
		if (this.#idle.now) this.tell({ type: 'set_idle', idle: true }); // a new connection counts as looked at
		this.typing.clear();
		// rooms whose history is shown first
		const shown = new Set(this.#timelines.keys());
		for (const id of rooms.map((r) => r.id).sort((a, b) => Number(shown.has(b)) - Number(shown.has(a)))) this.#join(id);
		if (this.notifications.list.length === 0) void this.notifications.count().catch(() => {});
	}

	/** Subscribes to a room: from what its history holds, or from now. */
	#join(id: string) {
		if (this.#joined.has(id) || !this.#socket.ready) return;
		const room = this.rooms.get(id);
		if (!room) return;
		this.#joined.add(id);
		const since = this.#timelines.get(id)?.lastChange ?? room.last_seq;
		this.#socket.ask({ type: 'join_room', room_id: id, since }).catch((err) => {
			this.#joined.delete(id);
			if (err instanceof ApiError && (err.code === 'room_not_found' || err.code === 'not_a_member')) this.rooms.remove(id);
		});
	}

	#changes(frame: Extract<ServerFrame, { type: 'room_changes' }>) {
		const t = this.#timelines.get(frame.room_id);
		for (const m of frame.messages) this.#put(m, true);
		const room = this.rooms.get(frame.room_id);
		const newest = frame.messages.reduce<Message | null>((n, m) => (m.seq > (n?.seq ?? 0) ? m : n), null);
		if (room && newest && newest.seq > room.last_seq) this.rooms.put({ ...room, last_seq: frame.last_seq, last_message_at: newest.created_at });
		if (!t) return;
		if (frame.truncated && frame.messages.length === 0) {
			// too much was missed to be told: what is shown has a hole at its end
			for (const h of this.#histories(frame.room_id)) {
				h.reset();
				void h.open({ at: 'newest' });
			}
		} else if (!frame.truncated) t.advance(frame.last_seq);
	}
}

/** The one of this page. */
export const app = new App();
