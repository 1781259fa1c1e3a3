import { describe, expect, it } from 'vitest';
import type { Message } from '$lib/api/client';
import type { Pending } from '$lib/state/outbox.svelte';
import { RowBuilder, type Row, type RowInput } from './rows';

const person = (id: string) => ({ id, username: id, display_name: id, avatar_url: null, bot: false, rank: 'member' as const });

// noon of two following days in the person's zone
const noon = new Date(2026, 10, 19, 12).getTime();
const day = 86_400_000;

function message(seq: number, minutes: number, over: Partial<Message> = {}): Message {
	return {
		id: `m${seq}`,
		room_id: 'r',
		seq,
		change_seq: seq,
		type: 'text',
		sender: person('ann'),
		content: '',
		created_at: new Date(noon + minutes * 60_000).toISOString(),
		edited_at: null,
		deleted: false,
		pinned: false,
		parent_id: null,
		thread: null,
		attachments: [],
		links: [],
		mentions: [],
		reactions: [],
		...over,
	};
}

const pending = (nonce: string, over: Partial<Pending> = {}): Pending => ({
	nonce,
	room_id: 'r',
	content: 'hi',
	parent_id: null,
	attachments: [],
	created_at: new Date(noon + 10 * 60_000).toISOString(),
	failed: null,
	...over,
});

const input = (messages: Message[], over: Partial<RowInput> = {}): RowInput => ({
	messages,
	pending: [],
	hasBefore: false,
	hasAfter: false,
	newAfterSeq: null,
	me: person('ann'),
	...over,
});

/** A row in a word: + begins a group. */
function word(row: Row): string {
	if (row.kind !== 'message') return row.kind;
	return `${row.head ? '+' : ''}${row.key}${row.pending ? '…' : ''}`;
}
const words = (i: RowInput, builder = new RowBuilder()) => builder.build(i).list.map(word).join(' ');

const tables: { name: string; input: RowInput; rows: string }[] = [
	{ name: 'an empty room has its start alone', input: input([]), rows: 'start' },
	{ name: 'messages of one person within five minutes are one group', input: input([message(1, 0), message(2, 4)]), rows: 'start day +m1 m2' },
	{ name: 'five minutes of silence begin a group', input: input([message(1, 0), message(2, 5)]), rows: 'start day +m1 +m2' },
	{ name: 'another person begins a group', input: input([message(1, 0), message(2, 1, { sender: person('bob') })]), rows: 'start day +m1 +m2' },
	{ name: 'a reply begins a group', input: input([message(1, 0), message(2, 1, { parent_id: 'm1' })]), rows: 'start day +m1 +m2' },
	{ name: 'a tombstone is no part of a group', input: input([message(1, 0), message(2, 1, { deleted: true }), message(3, 2)]), rows: 'start day +m1 +m2 +m3' },
	{ name: 'a new day has a separator', input: input([message(1, 0), message(2, day / 60_000)]), rows: 'start day +m1 day +m2' },
	{ name: 'nothing is said of the day of the oldest when there is more before it', input: input([message(1, 0)], { hasBefore: true }), rows: '+m1' },
	{ name: 'the line stands before the first unread', input: input([message(1, 0), message(2, 1), message(3, 2)], { newAfterSeq: 1 }), rows: 'start day +m1 new +m2 m3' },
	{
		name: 'the line stands after what was read, though numbers are left out',
		input: input([message(3, 0), message(9, 1)], { newAfterSeq: 6 }),
		rows: 'start day +m3 new +m9',
	},
	{ name: 'no line when the first unread is further back', input: input([message(5, 0)], { newAfterSeq: 1, hasBefore: true }), rows: '+m5' },
	{ name: 'no line in a room that was never read', input: input([message(1, 0)], { newAfterSeq: 0 }), rows: 'start day +m1' },
	{ name: 'no line when all is read', input: input([message(1, 0)], { newAfterSeq: 1 }), rows: 'start day +m1' },
	{ name: 'what is pending comes last and joins its group', input: input([message(1, 8)], { pending: [pending('n1'), pending('n2')] }), rows: 'start day +m1 n1… n2…' },
	{ name: 'what is pending is not shown in the middle of the history', input: input([message(1, 8)], { pending: [pending('n1')], hasAfter: true }), rows: 'start day +m1' },
];

describe('rows', () => {
	for (const { name, input, rows } of tables) it(name, () => expect(words(input)).toBe(rows));

	it('keep their identity when a message arrives', () => {
		const builder = new RowBuilder();
		const messages = [message(1, 0), message(2, 1)];
		const first = builder.build(input(messages));
		const second = builder.build(input([...messages, message(3, 2)]));
		expect(second.shift).toBe(false);
		for (const [i, row] of first.list.entries()) if (row.kind === 'message') expect(second.list[i]).toBe(row);
	});
	it('of a pending message stay in place when it is stored', () => {
		const builder = new RowBuilder();
		const before = builder.build(input([message(1, 8)], { pending: [pending('n1')] }));
		const after = builder.build(input([message(1, 8), message(2, 10, { nonce: 'n1' })]));
		expect(after.list.map((r) => r.key)).toEqual(before.list.map((r) => r.key));
	});
	it('of a pending message change when it fails', () => {
		const builder = new RowBuilder();
		builder.build(input([], { pending: [pending('n1')] }));
		const row = builder.build(input([], { pending: [pending('n1', { failed: { code: 'muted', detail: '' } })] })).list.at(-1);
		expect(row).toMatchObject({ key: 'n1', pending: { failed: { code: 'muted' } } });
	});

	const older = [message(1, -2 * (day / 60_000)), message(2, -1)];
	const newer = [message(3, 0), message(4, 1)];
	it('shift when older messages come before them', () => {
		const builder = new RowBuilder();
		builder.build(input(newer, { hasBefore: true }));
		expect(builder.build(input([...older, ...newer], { hasBefore: true })).shift).toBe(true);
	});
	it('shift when the start of the history comes before them', () => {
		const builder = new RowBuilder();
		builder.build(input(newer, { hasBefore: true }));
		expect(builder.build(input([...older, ...newer])).shift).toBe(true);
	});
	it('shift when their start is forgotten', () => {
		const builder = new RowBuilder();
		builder.build(input([...older, ...newer], { hasBefore: true }));
		expect(builder.build(input(newer, { hasBefore: true })).shift).toBe(true);
	});
	it('do not shift when the history is opened elsewhere', () => {
		const builder = new RowBuilder();
		builder.build(input(newer, { hasBefore: true }));
		expect(builder.build(input([message(90, 9), message(91, 9), message(92, 9)], { hasBefore: true })).shift).toBe(false);
	});
	it('say where each message is', () => {
		const rows = new RowBuilder().build(input([message(1, 0), message(2, day / 60_000)]));
		expect(rows.at).toEqual([2, 4]);
		expect(rows.newLine).toBe(-1);
	});
});
