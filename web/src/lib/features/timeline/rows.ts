// Turns a stretch of messages into the flat list of rows that is shown. Rows keep their identity as long as nothing about them
// changes: a message that arrives costs a walk over the list and one row.
import type { Message } from '$lib/api/client';
import { dayKey } from '$lib/i18n/time';
import type { Pending } from '$lib/state/outbox.svelte';

export interface MessageRow {
	kind: 'message';
	/** The nonce of an own message, so that its row stays when the server has stored it; else its id. */
	key: string;
	message: Message;
	/** Begins a group: shows who wrote, and when. */
	head: boolean;
	/** Set while the server has not acknowledged it. */
	pending: Pending | null;
}

export interface DayRow {
	kind: 'day';
	key: string;
	/** A moment of that day. */
	time: string;
}

export type Row = MessageRow | DayRow | { kind: 'start'; key: 'start' } | { kind: 'new'; key: 'new' };

export interface RowInput {
	messages: readonly Message[];
	pending: readonly Pending[];
	hasBefore: boolean;
	hasAfter: boolean;
	/** The "new messages" line stands after this place; null: nowhere. */
	newAfterSeq: number | null;
	/** Who writes what is pending. */
	me: Message['sender'];
}

export interface Rows {
	list: readonly Row[];
	/** Rows were only added to or taken from the start: the view keeps its distance from the end. */
	shift: boolean;
	/** Where each message's row is, in the order of the messages. */
	at: readonly number[];
	/** Where the "new messages" line stands; -1 without one. */
	newLine: number;
}

/** How long after a message the next of the same person still belongs to it. */
const groupMilliseconds = 5 * 60_000;

/** What is read of a message once. */
interface Known {
	time: number;
	day: string;
	row: MessageRow | null;
}

export class RowBuilder {
	#known = new WeakMap<Message, Known>();
	#pending = new Map<string, Message>();
	#last: Rows = { list: [], shift: false, at: [], newLine: -1 };

	build(input: RowInput): Rows {
		const { messages, hasBefore, newAfterSeq: read } = input;
		const list: Row[] = [];
		const at: number[] = new Array(messages.length);
		let newLine = -1;
		if (!hasBefore) list.push(startRow);
		let previous: Message | null = null;
		let before: Known | null = null;
		for (let i = 0; i < messages.length; i++) {
			const message = messages[i]!;
			const known = this.#of(message);
			// before the oldest that is loaded there may be others of its day
			const newDay = before ? before.day !== known.day : !hasBefore;
			if (newDay) list.push({ kind: 'day', key: `day ${known.day}`, time: message.created_at });
			const isNew: boolean = read !== null && newLine < 0 && message.seq > read && (previous ? previous.seq <= read : !hasBefore && read > 0);
			if (isNew) newLine = list.push(newRow) - 1;
			const head = newDay || isNew || !previous || !before || begins(message, previous, known.time - before.time);
			let row = known.row;
			if (!row || row.head !== head) row = known.row = { kind: 'message', key: message.nonce ?? message.id, message, head, pending: null };
			at[i] = list.push(row) - 1;
			previous = message;
			before = known;
		}
		if (!input.hasAfter) this.#pushPending(list, input, previous);
		return (this.#last = { list, shift: shifted(this.#last.list, list), at, newLine });
	}

	#of(message: Message): Known {
		let known = this.#known.get(message);
		if (!known) {
			const time = Date.parse(message.created_at);
			known = { time, day: dayKey(new Date(time)), row: null };
			this.#known.set(message, known);
		}
		return known;
	}

	#pushPending(list: Row[], input: RowInput, previous: Message | null) {
		const kept = new Map<string, Message>();
		for (const p of input.pending) {
			let message = this.#pending.get(p.nonce);
			let known = message && this.#of(message);
			if (!message || !known || known.row?.pending !== p) {
				message = asMessage(p, input.me);
				known = this.#of(message);
			}
			kept.set(p.nonce, message);
			const head = !previous || begins(message, previous, known.time - this.#of(previous).time);
			let row = known.row;
			if (!row || row.head !== head) row = known.row = { kind: 'message', key: p.nonce, message, head, pending: p };
			list.push(row);
			previous = message;
		}
		this.#pending = kept;
	}
}

const startRow: Row = { kind: 'start', key: 'start' };
const newRow: Row = { kind: 'new', key: 'new' };

/** Whether a message begins a group after the one before it. */
function begins(message: Message, previous: Message, after: number): boolean {
	return (
		after >= groupMilliseconds ||
		message.sender?.id !== previous.sender?.id ||
		message.author?.id !== previous.author?.id ||
		message.author?.name !== previous.author?.name ||
		message.parent_id !== null ||
		message.type === 'system' ||
		previous.type === 'system' ||
		message.deleted !== previous.deleted
	);
}

/** Whether a list became another by a change at its start alone. */
function shifted(old: readonly Row[], list: readonly Row[]): boolean {
	const by = list.length - old.length;
	if (by === 0 || old.length === 0 || list.length === 0 || old.at(-1)!.key !== list.at(-1)!.key) return false;
	return by > 0 ? old[0]!.key === list[by]!.key : old[-by]!.key === list[0]!.key;
}

/** A message as it will look when the server has it. */
function asMessage(p: Pending, me: Message['sender']): Message {
	return {
		id: p.nonce,
		nonce: p.nonce,
		room_id: p.room_id,
		seq: Number.MAX_SAFE_INTEGER,
		change_seq: 0,
		type: 'text',
		sender: me,
		content: p.content,
		created_at: p.created_at,
		edited_at: null,
		deleted: false,
		pinned: false,
		parent_id: p.parent_id,
		thread: null,
		attachments: p.attachments,
		links: [],
		mentions: [],
		reactions: [],
	};
}
