// One shown history: what is pointed at, what lies over it, and what can be done with a message in it.
import { untrack } from 'svelte';
import { SvelteMap } from 'svelte/reactivity';
import { call, type Attachment, type Message, type Room } from '$lib/api/client';
import { errorText } from '$lib/api/errors';
import { m } from '$lib/i18n';
import type { Conversation } from '$lib/features/conversation/conversation.svelte';
import { roomPath, router } from '$lib/router.svelte';
import { app } from '$lib/state/app.svelte';
import type { Pending } from '$lib/state/outbox.svelte';
import type { Timeline } from '$lib/state/timeline.svelte';
import { media, toast, type Anchor, type MenuItem } from '$lib/ui';
import { rights, type Rights } from './rights';

/** What lies over the history; one thing at a time. */
export type Overlay =
	| { kind: 'menu' | 'picker'; message: Message; pending: Pending | null; anchor: Anchor }
	| { kind: 'person'; id: string; anchor: Anchor }
	| { kind: 'delete' | 'report' | 'receipts' | 'reactions'; message: Message }
	| { kind: 'viewer'; images: readonly Attachment[]; index: number };

const defaultEmoji = ['👍', '❤️', '😂'];
const keptEmoji = 24;

export class TimelineView {
	/** The key of the row that is pointed at. */
	active = $state<string | null>(null);
	/** The key of the row that the keyboard is at; null: the newest. */
	cursor = $state<string | null>(null);
	/** The keyboard is in the list. */
	focused = $state(false);
	/** The id of the message that was jumped to. */
	highlight = $state<string | null>(null);
	overlay = $state.raw<Overlay | null>(null);

	/** Set by the list: puts the focus on a message's row. */
	focusRow: (key: string) => void = () => {};
	/** Set by the list: goes to a message, loading it if it is not there. */
	jump: (id: string) => void = () => {};

	/** Reactions whose answer is not here yet: whether the reader will be among those who gave it. */
	#reacting = new SvelteMap<string, boolean>();
	#room: () => Room;

	constructor(
		readonly timeline: Timeline,
		readonly conversation: Conversation,
		room: () => Room,
	) {
		this.#room = room;
	}

	get room(): Room {
		return this.#room();
	}

	rights(message: Message): Rights {
		return rights(message, this.room, app.me, app.limits);
	}

	// ---- doing -----------------------------------------------------------------------------------------------

	reply(message: Message) {
		if (this.rights(message).reply) this.conversation.reply(message);
	}

	edit(message: Message) {
		if (this.rights(message).edit) this.conversation.editing = message.id;
	}

	/** Saves an edit; true if it is done. */
	async save(message: Message, content: string): Promise<boolean> {
		const text = content.trim();
		if (text === message.content) return true;
		if (!text && message.attachments.length === 0) {
			this.overlay = { kind: 'delete', message };
			return false;
		}
		return this.#try(async () => {
			const { message: changed } = await app.ask({ type: 'edit_message', message_id: message.id, content: text });
			if (changed) app.own(changed);
		});
	}

	remove(message: Message): Promise<boolean> {
		return this.#try(() => call('DELETE /messages/{id}', { path: { id: message.id } }));
	}

	async pin(message: Message) {
		await this.#try(async () => {
			if (message.pinned) await call('DELETE /messages/{id}/pin', { path: { id: message.id } });
			else {
				app.own(await call('PUT /messages/{id}/pin', { path: { id: message.id } }));
				toast.show({ text: m.pins_done(), kind: 'success' });
			}
		});
	}

	openThread(message: Message) {
		let root = message;
		for (let depth = 0; root.parent_id && depth < 50; depth++) {
			const parent = this.timeline.get(root.parent_id);
			if (!parent) return this.conversation.openThread(root.parent_id);
			root = parent;
		}
		this.conversation.openThread(root.id);
	}

	/** The reactions of a message as they will be when everything asked for is done. */
	reactions(message: Message): { emoji: string; count: number; me: boolean }[] {
		if (this.#reacting.size === 0) return message.reactions;
		const shown = message.reactions.map((r) => {
			const me = this.#reacting.get(`${message.id} ${r.emoji}`) ?? r.me;
			return { emoji: r.emoji, count: r.count + Number(me) - Number(r.me), me };
		});
		for (const [key, me] of this.#reacting) {
			const [id, emoji] = key.split(' ') as [string, string];
			if (me && id === message.id && !message.reactions.some((r) => r.emoji === emoji)) shown.push({ emoji, count: 1, me });
		}
		return shown.filter((r) => r.count > 0);
	}

	/** Gives a reaction, or takes it back. */
	async react(message: Message, emoji: string) {
		const key = `${message.id} ${emoji}`;
		if (this.#reacting.has(key)) return;
		const give = !message.reactions.find((r) => r.emoji === emoji)?.me;
		if (give) this.#used(emoji);
		this.#reacting.set(key, give);
		await this.#try(async () => {
			const answer = await app.ask({ type: give ? 'add_reaction' : 'remove_reaction', message_id: message.id, emoji });
			if (answer.message) app.own(answer.message);
		});
		this.#reacting.delete(key);
	}

	/** The emoji that are offered first. */
	get quickEmoji(): string[] {
		const there = (e: string) => !e.startsWith(':') || !!app.emoji.named(e.slice(1, -1));
		return [...new Set([...app.preferences.current.recent_emoji.filter(there), ...defaultEmoji])].slice(0, 3);
	}

	#used(emoji: string) {
		const recent = app.preferences.current.recent_emoji;
		if (recent[0] !== emoji) app.preferences.change({ recent_emoji: [emoji, ...recent.filter((e) => e !== emoji)].slice(0, keptEmoji) });
	}

	link(message: Message): string {
		return location.origin + roomPath(this.room.id, { message: message.id });
	}

	async copy(text: string, done: string) {
		try {
			await navigator.clipboard.writeText(text);
			toast.show({ text: done, kind: 'success' });
		} catch {
			toast.show({ text: m.timeline_copy_failed(), kind: 'error' });
		}
	}

	async #try(what: () => Promise<unknown>): Promise<boolean> {
		try {
			await what();
			return true;
		} catch (err) {
			toast.show({ text: errorText(err), kind: 'error' });
			return false;
		}
	}

	// ---- over the history ------------------------------------------------------------------------------------

	openMenu(message: Message, pending: Pending | null, anchor: Anchor) {
		this.overlay = { kind: 'menu', message, pending, anchor };
	}

	openPicker(message: Message, anchor: Anchor) {
		if (this.rights(message).react) this.overlay = { kind: 'picker', message, pending: null, anchor };
	}

	openPerson(id: string, anchor: Anchor) {
		this.overlay = { kind: 'person', id, anchor };
	}

	/** Everything that can be done with a message. */
	menu(message: Message, pending: Pending | null): MenuItem[] {
		if (pending) {
			return [
				...(pending.failed ? [{ label: m.timeline_retry(), icon: 'refresh' as const, onselect: () => app.outbox.retry(pending.nonce) }] : []),
				{ label: m.timeline_copy_text(), icon: 'copy', onselect: () => void this.copy(message.content, m.timeline_copied_text()) },
				{ label: m.timeline_discard(), icon: 'trash', danger: true, onselect: () => app.outbox.drop(pending.nonce) },
			];
		}
		const may = this.rights(message);
		const groups: MenuItem[][] = [[], [], [], []];
		const key = (name: string) => (media.coarse.current ? undefined : name);
		const inThread = !!this.timeline.thread;
		const picker = this.overlay?.kind === 'menu' ? this.overlay.anchor : { x: 0, y: 0 };
		if (may.react) groups[0]!.push({ label: m.timeline_react(), icon: 'emoji-add', detail: key('+'), onselect: () => this.openPicker(message, picker) });
		if (may.reply) groups[0]!.push({ label: m.timeline_reply(), icon: 'reply', detail: key('R'), onselect: () => this.reply(message) });
		if (!inThread && (may.reply || message.thread)) {
			groups[0]!.push({
				label: message.thread || message.parent_id ? m.timeline_open_thread() : m.timeline_in_thread(),
				icon: 'thread',
				detail: key('T'),
				onselect: () => this.openThread(message),
			});
		}
		if (may.edit) groups[0]!.push({ label: m.timeline_edit(), icon: 'edit', detail: key('E'), onselect: () => this.edit(message) });
		if (may.pin) groups[1]!.push({ label: message.pinned ? m.timeline_unpin() : m.timeline_pin(), icon: message.pinned ? 'pin-off' : 'pin', onselect: () => void this.pin(message) });
		if (!message.deleted) {
			groups[1]!.push({ label: m.timeline_copy_link(), icon: 'copy-link', onselect: () => void this.copy(this.link(message), m.timeline_copied_link()) });
			if (message.content) groups[1]!.push({ label: m.timeline_copy_text(), icon: 'copy', onselect: () => void this.copy(message.content, m.timeline_copied_text()) });
			if (message.reactions.length > 0) groups[2]!.push({ label: m.timeline_who_reacted(), icon: 'emoji', onselect: () => (this.overlay = { kind: 'reactions', message }) });
			if (this.room.me && message.type !== 'system') groups[2]!.push({ label: m.timeline_receipts(), icon: 'check-double', onselect: () => (this.overlay = { kind: 'receipts', message }) });
		}
		const sender = message.sender;
		if (sender) groups[2]!.push({ label: m.timeline_profile(), icon: 'person', onselect: () => this.openPerson(sender.id, picker) });
		if (may.report) groups[3]!.push({ label: m.timeline_report(), icon: 'flag', danger: true, onselect: () => (this.overlay = { kind: 'report', message }) });
		if (may.remove) groups[3]!.push({ label: m.timeline_delete(), icon: 'trash', detail: key('Del'), danger: true, onselect: () => (this.overlay = { kind: 'delete', message }) });
		return groups.filter((g) => g.length > 0).flatMap((g, i) => (i === 0 ? g : [{ kind: 'separator' as const }, ...g]));
	}

	/** Does what a key asks for at a message; true if it asked for something. */
	key(event: KeyboardEvent, message: Message, pending: Pending | null, row: HTMLElement): boolean {
		if (event.ctrlKey || event.metaKey || event.altKey) return false;
		const may = this.rights(message);
		if (event.key === 'Enter' || event.key === 'ContextMenu' || (event.key === 'F10' && event.shiftKey)) {
			this.openMenu(message, pending, row.querySelector('[data-anchor]') ?? row);
			return true;
		}
		if (pending) {
			if (event.key === 'Delete') app.outbox.drop(pending.nonce);
			return event.key === 'Delete';
		}
		switch (event.key.toLowerCase()) {
			case 'r':
				if (may.reply) this.reply(message);
				return may.reply;
			case 'e':
				if (may.edit) this.edit(message);
				return may.edit;
			case 't':
				if (this.timeline.thread || !(may.reply || message.thread)) return false;
				this.openThread(message);
				return true;
			case 'p':
				if (may.pin) void this.pin(message);
				return may.pin;
			case '+':
				this.openPicker(message, row.querySelector('[data-anchor]') ?? row);
				return may.react;
			case 'delete':
				if (may.remove) this.overlay = { kind: 'delete', message };
				return may.remove;
		}
		return false;
	}

	/** Follows a place in a room that a message links to. */
	follow(room: string, message: string | null) {
		const here = untrack(() => this.room);
		if (message && (room === here.id || room === here.slug)) this.jump(message);
		else router.go(roomPath(room, message ? { message } : {}));
	}
}
