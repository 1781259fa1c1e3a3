// What the person is about to do in the room that is open: reply, edit, look at a panel.
import type { Message } from '$lib/api/client';
import { rights } from '$lib/features/timeline/rights';
import { app } from '$lib/state/app.svelte';
import type { Timeline } from '$lib/state/timeline.svelte';
import { roomPath, router } from '$lib/router.svelte';

export type Panel = 'members' | 'pins' | 'about' | 'search' | null;

export class Conversation {
	/** The message that the next one replies to. */
	replyTo = $state.raw<Message | null>(null);
	/** The id of the message that is being edited in its place. */
	editing = $state<string | null>(null);
	/** What stands beside the history; a thread, which is in the address, goes before it. */
	panel = $state<Panel>(null);
	/** A poll is being written. */
	asking = $state(false);
	/** Set by the composer: puts the cursor into it. */
	focusComposer: () => void = () => {};
	/** Set by the composer: takes files that were dropped or pasted anywhere in the room. */
	addFiles: (files: readonly File[]) => void = () => {};
	/** Set by the composer: writes a mention of somebody. */
	mention: (username: string) => void = () => {};

	constructor(
		readonly room: string,
		/** The first message of the thread that this is about; null for the room itself. */
		readonly thread: string | null = null,
		/** What has been said in it; the room's history unless told. */
		readonly history: Timeline = app.timeline(room),
	) {}

	/** Where the draft is kept. */
	get place(): string {
		return this.thread ? `${this.room}/${this.thread}` : this.room;
	}

	reply(message: Message) {
		this.replyTo = message;
		this.focusComposer();
	}

	/** Edits the newest own message that may still be edited; false if there is none. */
	editLast(): boolean {
		const room = app.rooms.get(this.room);
		const mine = this.history.messages.findLast((m) => m.sender?.id === app.me?.id && !m.deleted && m.type !== 'system');
		if (!mine || !room || !rights(mine, room, app.me, app.limits).edit) return false;
		this.editing = mine.id;
		return true;
	}

	openThread(id: string) {
		router.go(roomPath(this.room, { thread: id }));
	}

	closeThread() {
		router.go(roomPath(this.room));
	}

	toggle(panel: Panel) {
		if (router.route.page === 'room' && router.route.thread) this.closeThread();
		this.panel = this.panel === panel ? null : panel;
	}
}
